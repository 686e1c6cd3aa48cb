//! What is measured of a queue.

use serde::Serialize;
use steno_shared::leases::ServerLoad;

/// The figures of one queue at one size. What a queue does not tell is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Whose queue.
    pub queue: String,
    /// Items that were put in.
    pub items: u64,
    /// Workers that took them out at once.
    pub workers: u32,
    /// Items put in a second.
    pub enqueued_per_second: f64,
    /// Items claimed and completed.
    pub done: u64,
    /// The same a second.
    pub done_per_second: f64,
    /// Bytes of Redis's data set for each item that was put in.
    pub bytes_per_item: f64,
    /// Microseconds of Redis's CPU for each item that was claimed and completed.
    pub cpu_us_per_item: f64,
    /// Milliseconds that half of the claims took at most, as the worker saw them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_p50_ms: Option<f64>,
    /// The same of 99 of a hundred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_p99_ms: Option<f64>,
    /// The same of 999 of a thousand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_p999_ms: Option<f64>,
    /// Milliseconds that a worker was without an item, from the end of its work on one to the begin of the next: half of the times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_p50_ms: Option<f64>,
    /// The same, 99 of a hundred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_p99_ms: Option<f64>,
}

impl Figures {
    /// Bytes that each item takes, from a server's load before and after so many were put in.
    pub(super) fn bytes_per_item(before: ServerLoad, after: ServerLoad, items: u64) -> f64 {
        (after.dataset_bytes as f64 - before.dataset_bytes as f64) / items as f64
    }

    /// Microseconds of CPU that each item took, from a server's load before and after so many were done; 0 if none was.
    pub(super) fn cpu_us_per_item(before: ServerLoad, after: ServerLoad, done: u64) -> f64 {
        if done > 0 { (after.cpu_seconds - before.cpu_seconds) * 1e6 / done as f64 } else { 0.0 }
    }
}
