//! The lease protocol on a real redis-server.

mod acl;
mod duplicates;
mod faults;
mod peers;
mod random;
mod transitions;
