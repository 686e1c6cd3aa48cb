//! Batches on a real Kubernetes cluster: whichever KUBECONFIG names, with the real images and the real chart. `make
//! test-cluster` builds and loads the images and runs this; each scenario has a namespace of its own and keeps what a user
//! would have seen as a snapshot.

mod access;
mod caches;
mod cancel;
mod chart;
mod coordinator;
mod every_write;
mod faults;
mod mistakes;
mod queue;
mod reconcile;
mod rehearsal;
mod requeue;
mod surroundings;
mod uneven;
mod users;
mod world;
