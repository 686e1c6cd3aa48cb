//! The protocol of leases in a model checker: every order of events and faults up to a bound, and each guard taken out.
//!
//! The model follows the scripts in `shared/src/leases/lua/` step by step, with time taken out: a deadline may pass at any moment.
//! `docs/protocol.md` tells what is promised, what is explored and what the model leaves out.

mod explore;
mod guards;
mod model;
mod properties;
mod scripts;
mod shard;
mod world;
