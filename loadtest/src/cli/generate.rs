//! `steno-loadtest generate`.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use steno_coordinator::cli::S3Arguments;
use steno_coordinator::failure::Failure;
use steno_coordinator::progress::write_line;
use steno_coordinator::quantities::{audio_seconds, counted, grouped};
use steno_shared::storage::{Location, Store};

use super::drawn::DrawnArguments;
use super::speech::SpeechArguments;
use crate::generate::{Backlog, WriteError, Written, write};

/// How often is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// Folder or s3://bucket/prefix to write the recordings into.
    #[arg(value_name = "OUTPUT")]
    output: Location,
    #[command(flatten)]
    drawn: DrawnArguments,
    #[command(flatten)]
    s3: S3Arguments,
    #[command(flatten)]
    speech: SpeechArguments,
}

/// Writes a backlog.
pub(super) async fn generate(arguments: &GenerateArguments) -> Result<(), Failure> {
    let seconds = arguments.drawn.seconds()?;
    let audio = audio_seconds(seconds.iter().sum());
    let s3 = arguments.s3.config();
    let store = Store::open(&arguments.output, &s3).await?;
    let told = Mutex::new(Instant::now());
    let all = seconds.len() as u64;
    let progress = |written: u64| {
        let Ok(mut told) = told.lock() else { return };
        if told.elapsed() >= TELL_EVERY {
            *told = Instant::now();
            write_line(&format!("{} of {} written", grouped(written), counted(all, "recording")));
        }
    };
    let (what, Written { new, there }) = match &arguments.speech.references {
        Some(place) => {
            let references = Store::open(place, &s3).await?;
            let written =
                arguments.speech.write(&arguments.drawn, seconds, &store, &references, &progress).await?;
            (format!("some {audio} of speech"), written)
        }
        None => {
            let backlog = Backlog { seed: arguments.drawn.seed, seconds };
            let written = write(&backlog, &store, &progress).await.map_err(|error| match error {
                WriteError::Storage(error) => error.into(),
                WriteError::Other(_) => Failure::usage(format!("{}: {error}", arguments.output)),
            })?;
            (format!("{audio} of audio without speech"), written)
        }
    };
    write_line(&format!(
        "{}, {what}, in {}: {} written, {} there before",
        counted(all, "recording"),
        arguments.output,
        grouped(new),
        grouped(there),
    ));
    Ok(())
}
