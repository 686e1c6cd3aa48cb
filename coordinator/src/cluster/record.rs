//! A batch's record: the ConfigMap through which people and the coordinator tell each other what is wanted and what is.
//!
//! It has three entries, each with one writer: the request and the wishes are the user's, the rest is the coordinator's.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use steno_shared::batch::Splitting;
use steno_shared::fingerprint::hex;
use steno_shared::ids::BatchId;
use steno_shared::options::TranscribeOptions;
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Format;
use steno_shared::worker_config::{EngineKind, LONGEST_SECONDS};

use super::names::{BATCH, record_labels, record_name};
use crate::existing::Existing;
use crate::failure::Failure;

const REQUEST: &str = "request.json";
const WISHES: &str = "wishes.json";
const COURSE: &str = "course.json";
const MANIFEST: &str = "manifest";

/// The largest manifest that travels with a request: a ConfigMap holds a mebibyte.
pub const MANIFEST_BYTES_MAX: usize = 900 << 10;

/// What a user asks of `steno submit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Where the recordings are.
    pub input: String,
    /// Where the transcripts go.
    pub output: String,
    /// What writes the text: the installation's model, or the simulated engine.
    #[serde(default)]
    pub engine: EngineKind,
    /// The model's name in the installation, or what stands for one.
    pub model: String,
    /// GPU nodes wanted.
    pub nodes: NonZeroU32,
    /// What decides the text.
    pub options: TranscribeOptions,
    /// The files to write, JSON among them.
    pub formats: Vec<Format>,
    /// How subtitles are laid out.
    #[serde(default)]
    pub subtitles: SubtitleLayout,
    /// What to do about transcripts made with other settings.
    #[serde(default)]
    pub existing: Existing,
    /// Which recordings are worked on in parts.
    #[serde(default)]
    pub splitting: Splitting,
    /// Longest recording that is accepted, in seconds.
    #[serde(default = "longest_seconds")]
    pub longest_seconds: u64,
}

/// What a request of an earlier version means.
fn longest_seconds() -> u64 {
    LONGEST_SECONDS
}

impl BatchRequest {
    /// The batch that this is a request for: the same for the same input, output and settings, whatever the number of nodes.
    ///
    /// # Errors
    /// Options that cannot be written as JSON.
    pub fn batch(&self) -> Result<BatchId, String> {
        let options = self.options.hash().map_err(|error| error.to_string())?;
        let formats: Vec<&str> = self.formats.iter().map(|format| format.extension()).collect();
        let subtitles = serde_json::to_string(&self.subtitles).map_err(|error| error.to_string())?;
        let Self { input, output, model, .. } = self;
        let identity = format!("{input:?} {output:?} {model:?} {options} {formats:?} {subtitles}");
        hex(&Sha256::digest(identity)[..6]).parse().map_err(|error| format!("{error}"))
    }
}

/// What a user wishes of a batch that was submitted. Counters, so that each wish is met once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wishes {
    /// How often the input was to be looked through.
    pub intake: u32,
    /// How often work was to go on, after a requeue.
    pub resume: u32,
    /// Whether nothing more is to be handed out.
    pub cancelled: bool,
    /// When the last wish was made, in milliseconds since 1970 by the user's clock: the latest batch is the one meant.
    pub at_ms: u64,
}

/// How far a batch is, in the coordinator's words.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    /// Where it stands.
    pub phase: Phase,
    /// The wishes that are met.
    pub intake: u32,
    /// As above.
    pub resume: u32,
    /// Lease queues, fixed when the batch is first taken in; 0 before.
    pub shards: u32,
    /// The last launch, from 1; 0 before any.
    pub launch: u32,
    /// Launches up to this one are over and dealt with: what became of them decides nothing more.
    pub closed: u32,
    /// Recordings that were done or dead when it was launched.
    pub settled_at_launch: u64,
    /// Launches in a row that brought nothing.
    pub fruitless: u32,
    /// What the input held.
    pub found: Option<Found>,
    /// Why it failed, or what it waits for.
    pub message: Option<String>,
    /// What happened to its Jobs, the latest last.
    pub events: Vec<String>,
    /// Since when, in seconds since 1970, the Job has no pod at work, or nothing is left for it.
    pub idle_since: Option<u64>,
    /// Whether whoever wants to know that it is over is still to be told.
    pub untold: bool,
    /// Seconds that nodes were in use, over all launches.
    pub node_seconds: f64,
    /// When that was last added to, in seconds since 1970.
    pub counted_at: Option<u64>,
}

/// How a message begins that tells why something is not done yet.
const NOT_YET: &str = "not yet: ";

/// What a record says while something is tried again.
#[must_use]
pub fn trouble(failure: &Failure) -> String {
    format!("{NOT_YET}{failure}")
}

impl Course {
    /// Forgets why something was not done yet, now that nothing is in the way. Whether there was something to forget.
    pub fn forget_trouble(&mut self) -> bool {
        let is_trouble = self.message.as_ref().is_some_and(|message| message.starts_with(NOT_YET));
        if is_trouble {
            self.message = None;
        }
        is_trouble
    }
}

/// What the input held when it was looked through last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "as in a run's summary")]
pub struct Found {
    pub left_out: u64,
    pub published: u64,
    /// Leases that the batch has in Redis since, at least; 0 where that was not noted.
    pub in_batch: u64,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Its input is being looked through, or will be.
    #[default]
    Intake,
    /// It is worked on.
    Running,
    /// Every recording is done or given up.
    Finished,
    /// A user stopped it.
    Cancelled,
    /// It cannot go on as it is.
    Failed,
}

/// A batch's record as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The batch.
    pub batch: BatchId,
    /// What was asked.
    pub request: BatchRequest,
    /// The manifest that came with it.
    pub manifest: Option<String>,
    /// What is wished.
    pub wishes: Wishes,
    /// How far it is.
    pub course: Course,
    /// For what belongs to it.
    pub owner: OwnerReference,
    /// The version that was read: a change is refused if there is a later one.
    pub version: String,
}

impl Record {
    /// Whether nothing more will happen by itself: it is over, and every wish is met.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let Self { wishes, course, .. } = self;
        let is_met = wishes.intake <= course.intake && wishes.resume <= course.resume;
        match course.phase {
            Phase::Intake | Phase::Running => false,
            Phase::Finished | Phase::Failed => !wishes.cancelled && is_met,
            // Cancelled, what was wished before counts no more.
            Phase::Cancelled => wishes.cancelled,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// If this version of Steno cannot.
    pub fn read(object: &ConfigMap) -> Result<Self, String> {
        let name = object.metadata.name.clone().unwrap_or_default();
        let unreadable = |what: &str, error: &dyn std::fmt::Display| {
            format!(
                "the {what} of ConfigMap {name} cannot be read: {error}; was it submitted by another version of steno?"
            )
        };
        let data = object.data.as_ref().ok_or_else(|| unreadable("data", &"it has none"))?;
        let labels = object.metadata.labels.as_ref();
        let batch =
            labels.and_then(|labels| labels.get(BATCH)).ok_or_else(|| unreadable("label", &"no batch"))?;
        Ok(Self {
            batch: batch.parse().map_err(|error| unreadable("label", &error))?,
            request: entry(data, REQUEST)
                .and_then(|request| request.ok_or_else(|| "it is missing".to_owned()))
                .map_err(|error| unreadable("request", &error))?,
            manifest: data.get(MANIFEST).cloned(),
            wishes: entry(data, WISHES).map_err(|error| unreadable("wishes", &error))?.unwrap_or_default(),
            course: entry(data, COURSE).map_err(|error| unreadable("course", &error))?.unwrap_or_default(),
            owner: OwnerReference {
                api_version: "v1".to_owned(),
                kind: "ConfigMap".to_owned(),
                name: name.clone(),
                uid: object.metadata.uid.clone().unwrap_or_default(),
                ..OwnerReference::default()
            },
            version: object.metadata.resource_version.clone().unwrap_or_default(),
        })
    }
}

fn entry<T: for<'de> Deserialize<'de>>(
    data: &BTreeMap<String, String>,
    name: &str,
) -> Result<Option<T>, String> {
    data.get(name).map(|json| serde_json::from_str(json).map_err(|error| error.to_string())).transpose()
}

/// The record of a new request, which goes when the installation goes.
///
/// # Errors
/// Something that cannot be written as JSON.
pub fn new_record(
    request: &BatchRequest,
    manifest: Option<&str>,
    wishes: Wishes,
    installation: &OwnerReference,
) -> Result<ConfigMap, String> {
    let batch = request.batch()?;
    Ok(ConfigMap {
        metadata: ObjectMeta {
            name: Some(record_name(&batch)),
            labels: Some(record_labels(&batch)),
            owner_references: Some(vec![installation.clone()]),
            ..ObjectMeta::default()
        },
        data: Some(user_entries(request, manifest, wishes)?),
        ..ConfigMap::default()
    })
}

/// The user's entries of a record.
///
/// # Errors
/// Something that cannot be written as JSON.
pub fn user_entries(
    request: &BatchRequest,
    manifest: Option<&str>,
    wishes: Wishes,
) -> Result<BTreeMap<String, String>, String> {
    let mut entries = BTreeMap::from([(REQUEST.to_owned(), json(request)?)]);
    entries.extend(wishes_entry(wishes)?);
    entries.extend(manifest.map(|text| (MANIFEST.to_owned(), text.to_owned())));
    Ok(entries)
}

/// The entry with the wishes.
///
/// # Errors
/// Never, as far as is known.
pub fn wishes_entry(wishes: Wishes) -> Result<BTreeMap<String, String>, String> {
    Ok(BTreeMap::from([(WISHES.to_owned(), json(&wishes)?)]))
}

/// The coordinator's entry.
///
/// # Errors
/// Never, as far as is known.
pub fn course_entry(course: &Course) -> Result<BTreeMap<String, String>, String> {
    Ok(BTreeMap::from([(COURSE.to_owned(), json(course)?)]))
}

fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::sample::request;
    use super::*;

    fn installation() -> OwnerReference {
        OwnerReference { name: "steno-settings".into(), uid: "u".into(), ..OwnerReference::default() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut object = new_record(
            &request(),
            Some("a.mp3\n"),
            Wishes { intake: 1, ..Wishes::default() },
            &installation(),
        )
        .unwrap();
        object.metadata.resource_version = Some("7".into());
        let course = Course { launch: 2, phase: Phase::Running, ..Course::default() };
        object.data.as_mut().unwrap().extend(course_entry(&course).unwrap());
        let record = Record::read(&object).unwrap();
        assert_eq!(record.request, request());
        assert_eq!(record.course, course);
        assert_eq!(record.manifest.as_deref(), Some("a.mp3\n"));
        assert_eq!(record.wishes, Wishes { intake: 1, ..Wishes::default() });
        assert_eq!(record.version, "7");
    }

    #[test]
    fn a_request_that_names_no_longest_recording_means_what_it_did() {
        let mut older = serde_json::to_value(request()).unwrap();
        older.as_object_mut().unwrap().remove("longest_seconds");
        let read: BatchRequest = serde_json::from_value(older).unwrap();
        assert_eq!(read, BatchRequest { longest_seconds: LONGEST_SECONDS, ..request() });
    }

    #[test]
    fn the_batch_follows_what_decides_the_transcripts_and_nothing_else() {
        let batch = request().batch().unwrap();
        let more_nodes = BatchRequest {
            nodes: NonZeroU32::MIN,
            existing: Existing::Refuse,
            longest_seconds: 1,
            ..request()
        };
        assert_eq!(more_nodes.batch().unwrap(), batch);
        for other in [
            BatchRequest { input: "s3://calls/in2".into(), ..request() },
            BatchRequest { output: "s3://calls/out2".into(), ..request() },
            BatchRequest { model: "tiny".into(), ..request() },
            BatchRequest { formats: vec![Format::Json, Format::Srt], ..request() },
            BatchRequest {
                options: TranscribeOptions { beam_size: 1, ..TranscribeOptions::default() },
                ..request()
            },
        ] {
            assert_ne!(other.batch().unwrap(), batch, "{other:?}");
        }
    }

    #[test]
    fn a_batch_with_a_wish_that_is_not_met_is_not_over() {
        let object = new_record(&request(), None, Wishes { intake: 1, ..Wishes::default() }, &installation());
        let mut record = Record::read(&object.unwrap()).unwrap();
        assert!(!record.is_settled(), "submitted");
        record.course = Course { intake: 1, phase: Phase::Finished, ..Course::default() };
        assert!(record.is_settled());
        for wish in [
            Wishes { intake: 2, ..record.wishes },
            Wishes { resume: 1, ..record.wishes },
            Wishes { cancelled: true, ..record.wishes },
        ] {
            assert!(!Record { wishes: wish, ..record.clone() }.is_settled(), "{wish:?}");
        }
    }

    #[test]
    fn a_batch_that_was_cancelled_before_it_was_taken_in_is_over() {
        let wishes = Wishes { intake: 1, cancelled: true, ..Wishes::default() };
        let object = new_record(&request(), None, wishes, &installation()).unwrap();
        let mut record = Record::read(&object).unwrap();
        record.course.phase = Phase::Cancelled;
        assert!(record.is_settled());
        record.wishes.cancelled = false;
        assert!(!record.is_settled(), "submitted again");
    }

    #[test]
    fn what_was_in_the_way_is_forgotten_and_how_a_batch_ended_is_not() {
        let failure = Failure::lost("Redis does not answer");
        let mut course = Course { message: Some(trouble(&failure)), ..Course::default() };
        assert!(course.forget_trouble() && course.message.is_none());
        course.message = Some("the model has no checksums".into());
        assert!(!course.forget_trouble() && course.message.is_some());
    }

    #[test]
    fn a_record_of_another_version_is_named() {
        let mut object = new_record(&request(), None, Wishes::default(), &installation()).unwrap();
        object.data.as_mut().unwrap().insert(REQUEST.into(), r#"{"speed": "high"}"#.into());
        let error = Record::read(&object).unwrap_err();
        assert!(error.contains("request of ConfigMap steno-") && error.contains("speed"), "{error}");
    }
}
