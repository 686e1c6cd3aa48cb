//! A worker that takes an item and keeps it: as a peer's `hold`, of `loadtest/peers/README.md`.

use std::time::Duration;

use steno_coordinator::cli::print;
use steno_coordinator::failure::Failure;
use steno_shared::ids::{ShardId, WorkerId};
use steno_shared::leases::{Leases, RedisConfig};

use super::steno::{batch, claim_one};

/// As long as a worker waits that finds nothing, at first and at most.
const IDLE_WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));

/// Claims an item, says `held`, and renews the lease three times in its length, for ever.
///
/// # Errors
/// If Redis does not do what it is asked, or the lease is lost.
pub async fn hold(url: &str, lease: Duration) -> Result<(), Failure> {
    let leases = Leases::connect(&RedisConfig::new(url), &batch()?).await?;
    let (shard, worker) = (ShardId(0), WorkerId::new("holds"));
    let lease_ms = u64::try_from(lease.as_millis()).map_err(Failure::internal)?;
    let mut wait = IDLE_WAIT.0;
    let held = loop {
        if let Some(held) = claim_one(&leases, shard, &worker, lease_ms).await? {
            break [(held.id, held.epoch)];
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(IDLE_WAIT.1);
    };
    print("held")?;
    loop {
        tokio::time::sleep(lease / 3).await;
        if !leases.renew(shard, &worker, &held, lease_ms).await?.lost.is_empty() {
            return Err(Failure::lost("the lease was lost though it was renewed".to_owned()));
        }
    }
}
