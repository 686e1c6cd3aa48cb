//! The hidden subcommand `decode-audio`: limits itself, then becomes ffmpeg.
//!
//! Limits can be set only by a process on itself without unsafe code, hence the step in between.

use std::io;
use std::os::unix::process::{CommandExt as _, parent_id};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

use super::confine::Confine;
use super::request::DecodeRequest;
use crate::features::SAMPLE_RATE;

/// The subcommand's name.
pub const SUBCOMMAND: &str = "decode-audio";
/// Exit code when ffmpeg could not be started; ffmpeg itself ends with other ones.
pub(super) const CANNOT_START: i32 = 126;

/// Files that ffmpeg may have open: the standard ones, and room for what libraries open at start.
const OPEN_FILES: u64 = 64;

/// The command that the worker starts: this subcommand with the request's limits. No environment goes with it but
/// where to find the worker's own libraries.
pub(super) fn command(request: &DecodeRequest<'_>) -> Command {
    let DecodeRequest { limits, ffmpeg, .. } = request;
    let mut command = Command::new(&ffmpeg.worker);
    command
        .env_clear()
        .arg(SUBCOMMAND)
        .arg(std::process::id().to_string())
        .arg(limits.memory_bytes.to_string())
        .arg(limits.decode_seconds.to_string())
        // One second more than allowed, so that the reader sees the excess.
        .arg((limits.audio_seconds + 1).to_string())
        .arg(&ffmpeg.program)
        .arg(ffmpeg.confine.name());
    if let Confine::ToFiles(files) = &ffmpeg.confine {
        command.args(files);
    }
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command
}

/// Runs the subcommand; `args` are the arguments after its name. Returns only when ffmpeg cannot be started.
pub fn run(args: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    let failure = match Arguments::parse(args) {
        Some(arguments) => become_ffmpeg(&arguments),
        None => io::Error::other("this subcommand is started by the worker, not by hand"),
    };
    // The worker reads this process's standard error.
    let _ = io::Write::write_all(&mut io::stderr(), failure.to_string().as_bytes());
    ExitCode::from(CANNOT_START as u8)
}

struct Arguments {
    parent: u32,
    memory_bytes: u64,
    cpu_seconds: u64,
    audio_seconds: u64,
    ffmpeg: PathBuf,
    confine: Confine,
}

impl Arguments {
    fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Option<Self> {
        let mut args = args.into_iter();
        let mut number = || args.next()?.to_str()?.parse::<u64>().ok();
        let parent = u32::try_from(number()?).ok()?;
        let (memory_bytes, cpu_seconds, audio_seconds) = (number()?, number()?, number()?);
        let ffmpeg = args.next()?.into();
        let name = args.next()?;
        let confine = Confine::named(name.to_str()?, args.map(PathBuf::from))?;
        Some(Self { parent, memory_bytes, cpu_seconds, audio_seconds, ffmpeg, confine })
    }
}

/// Applies the limits to this process and replaces it by ffmpeg; comes back only with an error.
fn become_ffmpeg(arguments: &Arguments) -> io::Error {
    if let Err(error) = limit(arguments) {
        return error;
    }
    // The worker may have died before its death could be noticed.
    if parent_id() != arguments.parent {
        return io::Error::other("the worker that started this is gone");
    }
    if let Err(error) = arguments.confine.apply() {
        return error;
    }
    Command::new(&arguments.ffmpeg)
        .env_clear()
        .args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"])
        // Neither files nor network: a playlist inside the recording leads nowhere.
        .args(["-protocol_whitelist", "fd,pipe", "-threads", "1", "-vn", "-sn", "-dn", "-i", "fd:"])
        .args(["-map", "0:a:0", "-filter_threads", "1", "-t", &arguments.audio_seconds.to_string()])
        .args(["-ac", "1", "-ar", &SAMPLE_RATE.to_string(), "-f", "s16le", "pipe:1"])
        .exec()
}

fn limit(arguments: &Arguments) -> io::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    // No limit on processes: it counts all of the user's, whatever else he runs.
    for (resource, most) in [
        (Resource::RLIMIT_AS, arguments.memory_bytes),
        (Resource::RLIMIT_CPU, arguments.cpu_seconds.max(1)),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    Ok(())
}
