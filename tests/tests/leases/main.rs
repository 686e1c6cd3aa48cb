//! The lease protocol on a real redis-server.

mod duplicates;
mod faults;
mod peers;
mod random;
mod transitions;
