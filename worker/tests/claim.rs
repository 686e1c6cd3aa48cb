//! Claims on a real Redis that does not answer.

use std::time::Duration;

use anyhow::{Result, ensure};
use steno_shared::ids::WorkerId;
use steno_shared::storage::{Location, S3Config, Store};
use steno_tests::lease_world::{LeaseWorld, SHARD, items};
use steno_tests::wait::until;
use steno_worker::claim::Claims;
use steno_worker::station::Station;

/// The request lies before Redis when the worker has given it up, and is carried out when nobody listens any more.
#[tokio::test]
async fn what_an_unanswered_claim_was_granted_is_worked_on() -> Result<()> {
    let world = LeaseWorld::new().await?;
    world.leases.enqueue(SHARD, &items(3)).await?;
    let folder = Store::open(&Location::Folder(std::env::temp_dir()), &S3Config::default()).await?;
    let station = Station {
        config: world.worker_config(),
        worker: WorkerId::new("impatient"),
        home: SHARD,
        leases: world.leases.clone().with_retry_budget(Duration::from_millis(300)),
        input: folder.clone(),
        output: folder,
    };
    let claims = Claims::default();
    // So that Redis knows the script.
    let first = claims.take(&station, SHARD, true, None).await?.leases.remove(0);
    world.server.pause()?;
    let unanswered = claims.take(&station, SHARD, false, None).await;
    world.server.resume()?;
    ensure!(unanswered.is_err(), "a Redis that stands still answered: {unanswered:?}");
    let carried_out = async || world.leases.counts(SHARD).await.ok().filter(|counts| counts.leased == 2);
    until("the claim to be carried out", carried_out).await;
    let second = claims.take(&station, SHARD, false, None).await?.leases.remove(0);
    let counts = world.leases.counts(SHARD).await?;
    ensure!((counts.leased, counts.ready) == (2, 1), "it claimed another: {counts:?}");
    ensure!(second.id != first.id && second.attempt == 1, "{second:?}");
    // An answered one is over: the next is another.
    let third = claims.take(&station, SHARD, false, None).await?.leases.remove(0);
    ensure!(third.id != second.id, "the same again");
    Ok(())
}
