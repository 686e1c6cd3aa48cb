//! From a lease to samples: look for a transcript already published, fetch the recording, decode its audio.

use std::path::PathBuf;
use std::sync::Arc;

use std::ops::ControlFlow;

use steno_shared::leases::Phase;
use steno_shared::recording::DurationSource;
use steno_shared::transcript::Transcript;

use crate::control::{Control, Order};
use crate::decode_audio::{DecodeRequest, DecodedAudio, decode_audio};
use crate::held::HeldItem;
use crate::publish::Publisher;
use crate::spool::{Spool, SpooledFile};
use crate::stage_error::{Side, StageError};
use crate::station::Station;

/// Told of a recording whose headers declare more than the file holds: decoders do not notice.
const CUT_OFF: &str =
    "cut off: the file's header tells of more audio than the file holds; this is what is there";

/// A leased recording that is ready for the engine, or needs none.
#[derive(Debug)]
pub struct Prepared {
    /// The lease it is worked on under.
    pub item: Arc<HeldItem>,
    /// What there is to do.
    pub work: Work,
}

/// What is left to do for a recording.
#[derive(Debug)]
pub enum Work {
    /// Transcribe these samples.
    Transcribe(DecodedAudio),
    /// The transcript is there, from an attempt that ended between publishing and completing: write what is
    /// missing beside it, and complete.
    AlreadyPublished(Box<Transcript>),
}

/// Prepares one leased recording. Nothing is left in the spool afterwards: the samples are in memory.
///
/// # Errors
/// By what is to be done about them; see [`StageError`].
pub async fn prepare(
    station: &Station,
    publisher: &Publisher,
    spool: &Spool,
    control: &Arc<Control>,
    item: Arc<HeldItem>,
) -> Result<Prepared, StageError> {
    if let Some(transcript) = publisher.find_published(&item.lease.recording).await? {
        return Ok(Prepared { item, work: Work::AlreadyPublished(Box::new(transcript)) });
    }
    item.enter(Phase::Fetching);
    let file = fetch(station, spool, &item).await?;
    item.enter(Phase::Decoding);
    let audio = decode(station, spool, Arc::clone(control), Arc::clone(&item), file).await?;
    Ok(Prepared { item, work: Work::Transcribe(audio) })
}

async fn decode(
    station: &Station,
    spool: &Spool,
    control: Arc<Control>,
    item: Arc<HeldItem>,
    file: SpooledFile,
) -> Result<DecodedAudio, StageError> {
    let (ffmpeg, limits) = (station.config.ffmpeg.clone(), station.config.limits);
    let spool = spool.folder().to_owned();
    let internal = |error: &dyn std::fmt::Display| StageError::Fatal {
        exit: steno_shared::exit::Exit::Internal,
        message: format!("failed to start the decoder: {error}"),
    };
    let worker = std::env::current_exe().map_err(|error| internal(&error))?;
    let decoding = tokio::task::spawn_blocking(move || {
        let recording = &item.lease.recording;
        let request = DecodeRequest {
            path: file.path(),
            expected_seconds: (recording.seconds_from == DurationSource::Header).then_some(recording.seconds),
            ffmpeg: &ffmpeg,
            worker: &worker,
            spool: &spool,
            limits: limits.into(),
        };
        let decoded = decode_audio(&request, &mut |_progress| {
            item.advance();
            if control.order() == Order::Stop || item.is_lost() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        decoded.map(|mut audio| {
            if recording.seconds_from == DurationSource::CutOff {
                audio.warnings.push(CUT_OFF.to_owned());
            }
            audio
        })
    });
    let decoded = decoding.await.map_err(|error| {
        StageError::Retry(format!(
            "reading the decoder failed ({error}); this is a defect of Steno, please report it"
        ))
    })?;
    decoded.map_err(|error| StageError::from_decode(&error))
}

/// Brings the recording to a local file: the file itself when the input is a folder.
async fn fetch(station: &Station, spool: &Spool, item: &HeldItem) -> Result<SpooledFile, StageError> {
    let recording = &item.lease.recording;
    let input_error = |error: &_| StageError::from_storage(Side::Input, error);
    if recording.size_bytes > station.config.limits.recording_bytes {
        return Err(StageError::Poison(format!(
            "{:?} is {} bytes long; the limit is {}",
            recording.name, recording.size_bytes, station.config.limits.recording_bytes
        )));
    }
    if let Some(path) = station.input.local_path(&recording.name) {
        let entry = station.input.head(&recording.name).await.map_err(|error| input_error(&error))?;
        return match entry {
            None => Err(StageError::Poison(format!(
                "{} is not there any more; it was when the batch was planned",
                path.display()
            ))),
            Some(entry) if entry.etag != recording.etag => Err(StageError::Poison(format!(
                "{} has changed since the batch was planned; run the same command again to transcribe it as it is now",
                path.display()
            ))),
            Some(_) => Ok(SpooledFile::borrowed(path)),
        };
    }
    let path: PathBuf = spool.path_for(&item.lease.id);
    let file = SpooledFile::owned(path);
    station
        .input
        .download(&recording.name, &recording.etag, recording.size_bytes, file.path(), &|_bytes| {
            item.advance()
        })
        .await
        .map_err(|error| input_error(&error))?;
    Ok(file)
}
