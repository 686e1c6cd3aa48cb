//! A batch's record for tests.

use std::num::NonZeroU32;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use steno_shared::batch::{BatchMeta, ModelIdentity, Splitting};
use steno_shared::options::TranscribeOptions;
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Format;
use steno_shared::worker_config::EngineKind;

use super::{BatchRequest, Course, Record, Wishes};
use crate::existing::Existing;

/// A request for three nodes.
pub(crate) fn request() -> BatchRequest {
    BatchRequest {
        input: "s3://calls/in".into(),
        output: "s3://calls/out".into(),
        engine: EngineKind::default(),
        model: "large-v3".into(),
        nodes: NonZeroU32::new(3).unwrap(),
        options: TranscribeOptions::default(),
        formats: vec![Format::Json],
        subtitles: SubtitleLayout::default(),
        existing: Existing::Keep,
        splitting: Splitting::Never,
        longest_seconds: 20 * 3600,
    }
}

/// What is kept of it in Redis.
pub(crate) fn meta() -> BatchMeta {
    let request = request();
    BatchMeta {
        batch: "0123456789ab".parse().unwrap(),
        input: request.input,
        output: request.output,
        model: ModelIdentity { name: request.model, hash: "0".repeat(64) },
        options: request.options,
        formats: request.formats,
        subtitles: request.subtitles,
        shards: 3,
        splitting: request.splitting,
    }
}

/// Its record, of which nothing has come yet.
pub(crate) fn record() -> Record {
    Record {
        batch: "0123456789ab".parse().unwrap(),
        request: request(),
        manifest: None,
        wishes: Wishes::default(),
        course: Course::default(),
        owner: OwnerReference::default(),
        version: String::new(),
    }
}
