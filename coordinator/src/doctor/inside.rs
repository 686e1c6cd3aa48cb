//! What only a pod can tell: whether Redis, model and bucket are reached from inside the cluster.

use std::path::Path;
use std::time::Duration;

use steno_shared::ids::BatchId;
use steno_shared::leases::Leases;
use steno_shared::model_cache::look;
use steno_shared::storage::{Location, Store};

use super::check::Check;
use super::clocks::{self, Clock};
use crate::backlog::check_output;
use crate::cluster::{ClusterSettings, redis_config};
use crate::coordinate::model_place;
use crate::failure::Failure;
use crate::kubernetes::read_settings;
use crate::quantities::grouped;

const REDIS: Clock = Clock { what: "clock of Redis", whose: "Redis", own: "this pod", harm: None };
const STORE: Clock = Clock {
    what: "clock of the object store",
    whose: "the object store",
    own: "this pod",
    harm: Some("it refuses requests that are signed more than 15 minutes from its own time"),
};

/// Looks, as the coordinator's account and with its credentials. `output` is where transcripts would go.
///
/// # Errors
/// If the settings cannot be read.
pub async fn check_inside(settings: &Path, output: Option<&Location>) -> Result<Vec<Check>, Failure> {
    let settings = read_settings(settings)?;
    let redis = redis(&settings).await;
    let mut checks = vec![Check::of(
        "Redis from inside",
        redis.as_ref().map(|_| format!("{} answers", settings.redis.url)).map_err(Clone::clone),
    )];
    if let Ok(leases) = redis {
        let read = leases.clock().await.map(clocks::Reading::now).map_err(Failure::from);
        checks.push(clocks::judge(&REDIS, read));
        if settings.redis.user_per_batch {
            checks.push(Check::of("users of Redis", users(&leases).await));
        }
    }
    checks.push(match &settings.s3.endpoint {
        Some(endpoint) => clocks::judge(&STORE, clocks::of_server(endpoint).await),
        None => {
            Check::note(STORE.what, "not looked at: without storage.endpoint in the chart's values it is AWS")
        }
    });
    checks.push(Check::of("model from inside", model(&settings).await));
    if let Some(output) = output {
        checks.push(Check::of("output from inside", writable(output, &settings).await));
    }
    Ok(checks)
}

async fn redis(settings: &ClusterSettings) -> Result<Leases, Failure> {
    let redis = redis_config(&settings.redis, settings.redis.coordinator.as_ref()).with_environment();
    let batch: BatchId = "doctor".parse().map_err(Failure::internal)?;
    let leases = Leases::connect_within(&redis, &batch, Duration::from_secs(5)).await?;
    leases.meta().await?;
    Ok(leases)
}

/// Whether the coordinator may make users, tried with one that nobody can come as.
async fn users(leases: &Leases) -> Result<String, Failure> {
    leases.admit_workers(&format!("{:032x}", rand::random::<u128>())).await?;
    leases.dismiss_workers().await?;
    Ok("the workers of each batch have one of their own".to_owned())
}

async fn model(settings: &ClusterSettings) -> Result<String, Failure> {
    let source = Store::open(&model_place(settings)?, &settings.s3).await?;
    let model = look(&source).await?;
    let hash = model.hash()?;
    Ok(format!(
        "{}, {} bytes, hash {}…",
        model.place,
        grouped(model.bytes()),
        hash.get(..12).unwrap_or(&hash)
    ))
}

async fn writable(output: &Location, settings: &ClusterSettings) -> Result<String, Failure> {
    check_output(&Store::open(output, &settings.s3).await?).await?;
    Ok(format!("{output} can be written and honours conditional puts"))
}
