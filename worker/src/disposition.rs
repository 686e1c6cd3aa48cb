//! What the worker does with a recording after an error.

/// Each error of a stage maps to one of these, without a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The recording may succeed at another time or on another machine: fail the lease as retryable.
    Retry,
    /// The recording itself is at fault and will fail again: fail the lease for good.
    Poison,
    /// The worker was asked to stop: release the lease, which costs no attempt.
    Interrupted,
    /// The worker itself, its model or its device is unusable: release the lease and end the process.
    Fatal,
}
