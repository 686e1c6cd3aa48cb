//! Transcribes files without leases or storage and prints one JSON object each, as `tools/reference/transcribe.py`
//! does with faster-whisper.
//!
//! `cargo run -p steno-worker --example transcribe -- --model .local/models/tiny.en --out DIR FILE…`

use std::ffi::OsString;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use steno_shared::options::{ComputeType, Mode, Task, TranscribeOptions};
use steno_shared::worker_config::{Device, WorkLimits};
use steno_worker::decode_audio::{self, DecodeRequest, decode_audio};
use steno_worker::engine::Engine;

/// Transcribe files and print JSON.
#[derive(Parser)]
struct Args {
    /// Model folder.
    #[arg(long)]
    model: PathBuf,
    /// Folder for one JSON file a recording; without it they go to standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder for the decoded samples, s16le.
    #[arg(long)]
    samples: Option<PathBuf>,
    /// Options as a JSON object with the names of TranscribeOptions; the arguments below go before it.
    #[arg(long)]
    options: Option<PathBuf>,
    /// Language code; detected if not given.
    #[arg(long)]
    language: Option<String>,
    /// Text before the first window.
    #[arg(long)]
    initial_prompt: Option<String>,
    /// Translate to English.
    #[arg(long)]
    translate: bool,
    /// Compute as float32, as the comparison wants it; otherwise as the model is stored.
    #[arg(long)]
    float32: bool,
    /// CPU threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Seed of sampling.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// The ffmpeg program.
    #[arg(long, default_value = ".local/bin/ffmpeg")]
    ffmpeg: PathBuf,
    /// Recordings.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    if args.next_if(|name| name == decode_audio::child::SUBCOMMAND).is_some() {
        return decode_audio::child::run(args);
    }
    match transcribe_all(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn transcribe_all(args: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let args = Args::parse_from(args);
    let options = options(&args)?;
    let compute_type = if args.float32 { ComputeType::Float32 } else { ComputeType::Default };
    ct2rs::sys::set_random_seed(args.seed);
    for folder in args.out.iter().chain(&args.samples) {
        std::fs::create_dir_all(folder)?;
    }
    for path in &args.files {
        // Anew for each file, so that the seed decides and not the files before.
        let mut engine = Engine::load(&args.model, Device::Auto, compute_type, args.threads)?;
        if let Err(error) = transcribe_one(&mut engine, path, &args, &options) {
            writeln!(std::io::stderr(), "{}: {error:#}", path.display())?;
        }
    }
    Ok(())
}

fn options(args: &Args) -> anyhow::Result<TranscribeOptions> {
    let given: TranscribeOptions = match &args.options {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)
            .with_context(|| format!("cannot read the options of {}", path.display()))?,
        None => TranscribeOptions::default(),
    };
    Ok(TranscribeOptions {
        // The only one of this example.
        mode: Mode::Sequential,
        language: args.language.clone().or(given.language),
        task: if args.translate { Task::Translate } else { given.task },
        initial_prompt: args.initial_prompt.clone().or(given.initial_prompt),
        ..given
    })
}

fn transcribe_one(
    engine: &mut Engine,
    path: &Path,
    args: &Args,
    options: &TranscribeOptions,
) -> anyhow::Result<()> {
    let name = path.file_name().context("no file name")?.to_string_lossy().into_owned();
    let worker = std::env::current_exe()?;
    let request = DecodeRequest {
        path,
        expected_seconds: None,
        ffmpeg: &args.ffmpeg,
        worker: &worker,
        spool: &std::env::temp_dir(),
        limits: WorkLimits::default().into(),
    };
    let begin = Instant::now();
    let audio = decode_audio(&request, &mut |_| ControlFlow::Continue(()))?;
    let decode_seconds = begin.elapsed().as_secs_f64();
    if let Some(folder) = &args.samples {
        let pcm: Vec<u8> =
            audio.pcm.read(0..usize::MAX)?.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{name}.s16le")), pcm)?;
    }
    let begin = Instant::now();
    let transcription = engine.transcribe(&audio.pcm, options, &mut |_| ControlFlow::Continue(()))?;
    let result = serde_json::json!({
        "filename": name,
        "language": transcription.language,
        "language_probability": transcription.language_probability,
        "duration": transcription.duration,
        "duration_after_vad": transcription.duration_after_vad,
        "warnings": audio.warnings,
        "decode_seconds": decode_seconds,
        "compute_seconds": begin.elapsed().as_secs_f64(),
        "segments": transcription.segments,
    });
    let text = serde_json::to_string_pretty(&result)? + "\n";
    match &args.out {
        Some(folder) => std::fs::write(folder.join(format!("{name}.json")), text)?,
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    Ok(())
}
