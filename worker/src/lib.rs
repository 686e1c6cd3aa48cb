//! The worker: one recording after the other, from claim to complete.
