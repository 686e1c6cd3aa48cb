//! `steno cancel`: the batch hands out nothing more.

use steno_shared::ids::ShardId;

use super::Access;
use crate::failure::Failure;

/// Stops handing out leases. Workers finish what they have in hand and leave. `steno run` takes the batch up again.
///
/// # Errors
/// If Redis does not answer.
pub async fn cancel(access: &Access) -> Result<(), Failure> {
    for shard in (0..access.meta.shards).map(ShardId) {
        access.leases.cancel(shard).await?;
    }
    Ok(())
}
