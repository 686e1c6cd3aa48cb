//! How often an item may come back before it is given up.

/// A shard's limits, fixed when the batch is created. Each cause is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseLimits {
    /// Failed attempts after which an item is dead.
    pub max_fails: u32,
    /// Vanished workers after which an item is dead: a file that kills its worker twice is poison.
    pub max_lost: u32,
    /// Times an item may be given back unfinished; generous, since nodes come and go.
    pub max_released: u32,
    /// Longest wait after the first failure, in milliseconds; it doubles with each.
    pub backoff_base_ms: u64,
    /// Longest wait after any failure, in milliseconds.
    pub backoff_cap_ms: u64,
}

impl Default for LeaseLimits {
    fn default() -> Self {
        Self { max_fails: 3, max_lost: 2, max_released: 100, backoff_base_ms: 5_000, backoff_cap_ms: 300_000 }
    }
}

impl LeaseLimits {
    /// The fields of a shard's meta.
    pub(super) fn fields(&self) -> [(&'static str, u64); 5] {
        [
            ("max_fails", self.max_fails.max(1).into()),
            ("max_lost", self.max_lost.max(1).into()),
            ("max_released", self.max_released.max(1).into()),
            ("backoff_base_ms", self.backoff_base_ms.max(1)),
            ("backoff_cap_ms", self.backoff_cap_ms.max(self.backoff_base_ms).max(1)),
        ]
    }
}
