//! What only a pod can tell: whether Redis, model and bucket are reached from inside the cluster.

use std::path::Path;

use steno_shared::ids::BatchId;
use steno_shared::model_cache::look;
use steno_shared::storage::{Location, PutCondition, Store};

use super::check::Check;
use crate::cluster::{ClusterSettings, redis_config};
use crate::coordinate::model_place;
use crate::failure::Failure;
use crate::kubernetes::read_settings;
use crate::quantities::grouped;

/// Looks, as the coordinator's account and with its credentials. `output` is where transcripts would go.
///
/// # Errors
/// If the settings cannot be read.
pub async fn check_inside(settings: &Path, output: Option<&Location>) -> Result<Vec<Check>, Failure> {
    let settings = read_settings(settings)?;
    let mut checks = vec![
        Check::of("Redis from inside", redis(&settings).await),
        Check::of("model from inside", model(&settings).await),
    ];
    if let Some(output) = output {
        checks.push(Check::of("output from inside", writable(output, &settings).await));
    }
    Ok(checks)
}

async fn redis(settings: &ClusterSettings) -> Result<String, Failure> {
    let redis =
        redis_config(&settings.redis, settings.redis.coordinator.as_ref()).with_password_from_environment();
    let batch: BatchId = "doctor".parse().map_err(Failure::internal)?;
    let budget = std::time::Duration::from_secs(5);
    steno_shared::leases::Leases::connect_within(&redis, &batch, budget).await?.meta().await?;
    Ok(format!("{} answers", settings.redis.url))
}

async fn model(settings: &ClusterSettings) -> Result<String, Failure> {
    let source = Store::open(&model_place(settings)?, &settings.s3).await?;
    let failed = |error: steno_shared::model_cache::PullError| Failure {
        exit: error.exit(),
        message: error.to_string(),
    };
    let model = look(&source).await.map_err(failed)?;
    let hash = model.hash().map_err(failed)?;
    Ok(format!(
        "{}, {} bytes, hash {}…",
        model.place,
        grouped(model.bytes()),
        hash.get(..12).unwrap_or(&hash)
    ))
}

async fn writable(output: &Location, settings: &ClusterSettings) -> Result<String, Failure> {
    match Store::open(output, &settings.s3).await?.check_writable().await? {
        PutCondition::Honoured => Ok(format!("{output} can be written and honours conditional puts")),
        PutCondition::Ignored => Err(crate::backlog::overwrites(output)),
    }
}
