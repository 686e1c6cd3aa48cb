//! From a lease to samples: look for a transcript already published, fetch the recording, decode its audio.

use std::path::PathBuf;
use std::sync::Arc;

use std::ops::ControlFlow;

use steno_shared::leases::Phase;
use steno_shared::options::Mode;
use steno_shared::recording::DurationSource;
use steno_shared::simulated::Content;

use crate::control::{Control, Order};
use crate::decode_audio::{DecodeRequest, Ffmpeg, decode_audio};
use crate::held::HeldItem;
use crate::outage::with_patience;
use crate::part_audio::Reach;
use crate::parts::Standing;
use crate::pcm::Pcm;
use crate::publish::Publisher;
use crate::simulated_work::{self, Stretch};
use crate::speech::{Speech, SpeechFinder};
use crate::spool::{Spool, SpooledFile};
use crate::stage_error::{Side, StageError};
use crate::station::Station;
use crate::vad::VadError;

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
    /// Transcribe these samples from their begin to their end.
    Transcribe {
        /// The samples.
        pcm: Pcm,
        /// Where in the recording they begin, in seconds.
        from_seconds: f64,
        /// What a reader should know of the audio.
        warnings: Vec<String>,
    },
    /// Hear these windows of speech.
    Hear {
        /// The samples and the windows in them.
        speech: Speech,
        /// What a reader should know of the audio.
        warnings: Vec<String>,
    },
    /// Take the simulated engine's time over it.
    Simulate(Content),
    /// The transcript is there, from an attempt that ended between publishing and completing: write what is
    /// missing beside it, and complete.
    AlreadyPublished(Standing),
}

/// What preparing needs beside the recording.
#[derive(Debug)]
pub struct Preparation {
    /// The worker's connections.
    pub station: Station,
    /// Looks for transcripts that are already there.
    pub publisher: Publisher,
    /// The decoder; the simulated engine, which hears nothing, has none.
    pub ffmpeg: Option<Arc<Ffmpeg>>,
    /// Where recordings from a bucket lie meanwhile.
    pub spool: Spool,
    /// What the worker was told.
    pub control: Arc<Control>,
    /// Finds speech: windows of it in batched mode, and where recordings can be cut.
    pub speech: Arc<SpeechFinder>,
    /// Whether a recording's language is found out from its begin.
    pub asks_language: bool,
}

/// Prepares one leased recording; stops when the worker is told to end, since the engine would not begin it. Nothing is left in
/// the spool afterwards but samples that are too many for the memory, in a file without a name.
///
/// # Errors
/// By what is to be done about them; see [`StageError`].
pub async fn prepare(preparation: &Preparation, item: Arc<HeldItem>) -> Result<Prepared, StageError> {
    let Preparation { station, publisher, spool, .. } = preparation;
    if let Some(standing) = with_patience(&item, publisher.find_standing(&item.lease.recording)).await? {
        return Ok(Prepared { item, work: Work::AlreadyPublished(standing) });
    }
    item.enter(Phase::Fetching);
    let file = with_patience(&item, fetch(station, spool, &item)).await?;
    let Some(ffmpeg) = &preparation.ffmpeg else {
        let read = tokio::task::spawn_blocking(move || simulated_work::read(file.path())).await;
        let content = read.map_err(|error| StageError::Retry(format!("reading it failed: {error}")))??;
        let stretch = Stretch::of(&item.lease.recording, &content);
        item.know_length(stretch.seconds());
        return Ok(Prepared { item, work: Work::Simulate(content) });
    };
    item.enter(Phase::Decoding);
    let work = decode(preparation, Arc::clone(ffmpeg), Arc::clone(&item), file).await?;
    Ok(Prepared { item, work })
}

/// Decodes a recording, or a part of one, and in batched mode finds the speech in it.
async fn decode(
    preparation: &Preparation,
    ffmpeg: Arc<Ffmpeg>,
    item: Arc<HeldItem>,
    file: SpooledFile,
) -> Result<Work, StageError> {
    let Preparation { station, spool, control, speech, asks_language, .. } = preparation;
    let limits = station.config.limits;
    let mode = station.config.meta.options.mode;
    let reach = Reach::of(item.lease.recording.part, *asks_language && mode == Mode::Batched);
    let (spool, control, finder) = (spool.folder().to_owned(), Arc::clone(control), Arc::clone(speech));
    let decoding = tokio::task::spawn_blocking(move || {
        let recording = &item.lease.recording;
        let whole_seconds = recording.whole_seconds();
        let request = DecodeRequest {
            path: file.path(),
            expected_seconds: (recording.seconds_from == DurationSource::Header).then_some(whole_seconds),
            wanted: reach.wanted(),
            ffmpeg: &ffmpeg,
            spool: &spool,
            limits: limits.into(),
        };
        let moves = || {
            item.advance();
            if control.order() != Order::Work || item.is_lost() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let mut audio = decode_audio(&request, &mut |_progress| moves())
            .map_err(|error| StageError::from_decode(&error))?;
        if recording.seconds_from == DurationSource::CutOff {
            audio.warnings.push(CUT_OFF.to_owned());
        }
        let failed = |error: VadError| StageError::from_vad(&error);
        let part = reach.cut(&audio, &finder, &mut |_seconds| moves()).map_err(failed)?;
        let warnings = audio.warnings;
        item.know_length(part.pcm.seconds());
        match mode {
            Mode::Sequential => {
                Ok(Work::Transcribe { from_seconds: part.from_seconds(), pcm: part.pcm, warnings })
            }
            Mode::Batched => {
                let speech = part.speech(&finder, &mut |_seconds| moves()).map_err(failed)?;
                Ok(Work::Hear { speech, warnings })
            }
        }
    });
    decoding.await.map_err(|error| {
        StageError::Retry(format!(
            "reading the decoder or finding speech failed ({error}); this is a defect of Steno, please report it"
        ))
    })?
}

/// Brings the recording to a local file: the file itself when the input is a folder.
async fn fetch(station: &Station, spool: &Spool, item: &HeldItem) -> Result<SpooledFile, StageError> {
    let recording = &item.lease.recording;
    let input_error = |error: &_| StageError::from_storage(Side::Input, error);
    if recording.size_bytes > station.config.limits.recording_bytes {
        return Err(StageError::Poison(format!(
            "{:?} is {} bytes long; the limit is {}, which --longest raises",
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
