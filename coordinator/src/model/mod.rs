//! `steno model pull`: a model from anywhere into a folder or bucket.

mod hub;
mod pull;

pub use pull::pull;
