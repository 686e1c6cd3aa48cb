//! From a request to leases: the same intake as on one machine, with the model known by its checksums.

use std::io::Write as _;
use std::path::Path;

use steno_shared::batch::{BatchMeta, ModelIdentity};
use steno_shared::ids::ShardId;
use steno_shared::leases::{Created, LeaseLimits, Leases};
use steno_shared::model_cache::look;
use steno_shared::simulated;
use steno_shared::storage::{Location, Store};

use crate::backlog::{Intake, adopt_published, check_output};
use crate::cluster::{ClusterSettings, Found, MODELS, ModelCache, Record};
use crate::failure::Failure;
use crate::plan::shards_for;
use crate::simulated_output::check_kind;

/// What became of a request.
pub(super) struct Taken {
    pub(super) shards: u32,
    pub(super) found: Found,
}

/// Takes a backlog in; doing it again adds only what is new.
pub(super) async fn take_in(
    record: &Record,
    settings: &ClusterSettings,
    leases: &Leases,
) -> Result<Taken, Failure> {
    let request = &record.request;
    if !request.engine.is_simulated() && request.model != settings.model.name {
        return Err(Failure::usage(format!(
            "the batch is for model {}, but the installation has {} now; submit it again, or put the former back in the chart's \
             values",
            request.model, settings.model.name
        )));
    }
    let input = open(&request.input, settings).await?;
    input.check_readable().await?;
    let output = open(&request.output, settings).await?;
    check_output(&output).await?;
    check_kind(&output, request.engine.is_simulated()).await?;
    if request.engine.is_simulated() {
        simulated::mark(&output).await?;
    }
    output.sweep_temporaries().await?;
    let meta = create(record, settings, leases).await?;
    for shard in (0..meta.shards).map(ShardId) {
        leases.reopen(shard).await?;
    }
    let manifest = record.manifest.as_deref().map(spill).transpose()?;
    let say = |text: &str| tracing::info!(batch = %record.batch, text, "intake");
    // Otherwise Redis has lost recordings.
    let is_submitted = record.wishes.intake > record.course.intake;
    let backlog = Intake {
        input: &input,
        output: &output,
        leases,
        meta: &meta,
        manifest: manifest.as_ref().map(|file| (file.path(), "the batch's manifest".to_owned())),
        existing: if is_submitted { request.existing } else { request.existing.once_begun() },
        workers: request.nodes,
        longest_seconds: request.longest_seconds,
    }
    .take(&say)
    .await?;
    let found =
        Found { left_out: backlog.left_out, published: backlog.published, in_batch: backlog.in_batch };
    Ok(Taken { shards: meta.shards, found })
}

/// Takes for done what was given up although its transcript is there.
pub(super) async fn adopt(
    record: &Record,
    settings: &ClusterSettings,
    leases: &Leases,
) -> Result<(), Failure> {
    let Some(meta) = leases.meta().await? else { return Ok(()) };
    let output = open(&record.request.output, settings).await?;
    adopt_published(&output, leases, &meta, None).await.map(|_| ())
}

async fn open(text: &str, settings: &ClusterSettings) -> Result<Store, Failure> {
    let location: Location = text.parse().map_err(Failure::usage)?;
    Ok(Store::open(&location, &settings.s3).await?)
}

/// Creates the batch, or goes on with the one that is there, which keeps its number of shards.
async fn create(record: &Record, settings: &ClusterSettings, leases: &Leases) -> Result<BatchMeta, Failure> {
    let request = &record.request;
    let model = if request.engine.is_simulated() {
        simulated::model()
    } else {
        ModelIdentity { name: request.model.clone(), hash: model_hash(settings).await? }
    };
    let known = leases.meta().await?;
    if let Some(known) = &known
        && known.model.hash != model.hash
    {
        return Err(Failure::usage(format!(
            "model {} is another one than when the batch began; put the former back, or `steno delete --kube {}` and submit it \
             again",
            request.model, record.batch
        )));
    }
    let meta = BatchMeta {
        batch: record.batch.clone(),
        input: request.input.clone(),
        output: request.output.clone(),
        model,
        options: request.options.clone(),
        formats: request.formats.clone(),
        subtitles: request.subtitles,
        shards: known.map_or(shards_for(request.nodes).get(), |known| known.shards),
        splitting: request.splitting,
    };
    match leases.create_batch(&meta, &LeaseLimits::default()).await? {
        Created::New | Created::Same => Ok(meta),
        Created::Different(_) => Err(Failure::internal(format!(
            "Redis has a batch {} with other settings; `steno delete --kube {}` and submit it again",
            record.batch, record.batch
        ))),
    }
}

/// The model's hash, from the checksums where it comes from: its gigabytes are not read here.
async fn model_hash(settings: &ClusterSettings) -> Result<String, Failure> {
    let source = Store::open(&model_place(settings)?, &settings.s3).await?;
    Ok(look(&source).await?.hash()?)
}

/// Where the model comes from, as the coordinator's pod sees it.
///
/// # Errors
/// If the settings name no place.
pub fn model_place(settings: &ClusterSettings) -> Result<Location, Failure> {
    Ok(match &settings.model.cache {
        ModelCache::Claim { .. } => Location::Folder(Path::new(MODELS).join(&settings.model.name)),
        ModelCache::Node { source, .. } | ModelCache::Pod { source, .. } => {
            source.parse().map_err(Failure::usage)?
        }
    })
}

fn spill(manifest: &str) -> Result<tempfile::NamedTempFile, Failure> {
    let spilt = tempfile::NamedTempFile::new().and_then(|mut file| {
        file.write_all(manifest.as_bytes())?;
        Ok(file)
    });
    spilt.map_err(|error| {
        Failure::unusable(format!("failed to write the manifest to a temporary file: {error}"))
    })
}
