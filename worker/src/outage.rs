//! How long to wait when a service is away, and when to give up.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(30);

/// How many outages in a row end the worker: about ten minutes of waiting.
pub const OUTAGES_MAX: u32 = 24;

/// The wait after the `times`-th outage in a row, counted from 1: doubling from 1 s to 30 s.
#[must_use]
pub fn outage_wait(times: u32) -> Duration {
    (FIRST * 2_u32.pow(times.saturating_sub(1).min(16))).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit() {
        assert_eq!(outage_wait(1), Duration::from_secs(1));
        assert_eq!(outage_wait(3), Duration::from_secs(4));
        assert_eq!(outage_wait(400), Duration::from_secs(30));
    }
}
