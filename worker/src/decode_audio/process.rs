//! Running the decoder and reading what it gives, within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::DecodeError;
use super::child;
use super::diagnose::{End, Outcome};
use super::request::{DecodeProgress, DecodeRequest, DecodedAudio, seconds};
use crate::features::SAMPLE_RATE;
use crate::pcm::{IN_MEMORY_SAMPLES, Pcm, PcmWriter};

/// How often the clock and the callback are consulted while nothing arrives.
const TICK_MS: u16 = 200;
/// How much of ffmpeg's complaints is kept.
const STDERR_BYTES: usize = 16 << 10;

/// Decodes a recording to 16 kHz mono, the first audio stream mixed down.
///
/// What is decoded before a damaged end is kept, with a warning. `progress` is called several times a second; when it
/// breaks, the decoder is killed and [`DecodeError::Interrupted`] comes back.
///
/// # Errors
/// When not one sample can be decoded, a limit is exceeded, or the decoder cannot run.
pub fn decode_audio(
    request: &DecodeRequest<'_>,
    progress: &mut dyn FnMut(DecodeProgress) -> ControlFlow<()>,
) -> Result<DecodedAudio, DecodeError> {
    let unreadable = |source| DecodeError::Unreadable { path: request.path.to_owned(), source };
    let recording = File::open(request.path).map_err(unreadable)?;
    let metadata = recording.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if metadata.len() == 0 {
        return Err(DecodeError::Empty);
    }
    let cannot_run = |program: &std::path::Path| {
        let program = program.to_owned();
        move |error: io::Error| DecodeError::CannotRun { program, reason: error.to_string() }
    };
    let child = child::command(request)
        .stdin(recording)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot_run(&request.ffmpeg.worker))?;
    let pcm = PcmWriter::new(request.spool, IN_MEMORY_SAMPLES).without(request.wanted.without.clone());
    let mut decoder = Decoder { child, pcm, stderr: Vec::new() };
    let reached = decoder.read(request, progress)?;
    if reached == Reached::Wanted {
        decoder.child.kill().map_err(cannot_run(&request.ffmpeg.worker))?;
    }
    let status = decoder.child.wait().map_err(cannot_run(&request.ffmpeg.worker))?;
    let n_decoded = decoder.pcm.n_taken();
    let outcome = Outcome {
        end: if reached == Reached::Wanted { End::Exit(0) } else { end(status) },
        n_samples: n_decoded,
        stderr: &String::from_utf8_lossy(&decoder.stderr),
        limits: request.limits,
        expected_seconds: request.expected_seconds.filter(|_| reached == Reached::End),
        program: &request.ffmpeg.program,
    };
    let warnings = outcome.diagnose()?;
    Ok(DecodedAudio { pcm: decoder.take_pcm(request), n_decoded, warnings })
}

/// Where reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// The end of the decoder's outputs.
    End,
    /// The end of what is wanted.
    Wanted,
}

/// A running decoder; it is killed and reaped when this goes.
struct Decoder {
    child: Child,
    pcm: PcmWriter,
    stderr: Vec<u8>,
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Decoder {
    fn take_pcm(&mut self, request: &DecodeRequest<'_>) -> Pcm {
        std::mem::replace(&mut self.pcm, PcmWriter::new(request.spool, 0)).finish()
    }

    /// Reads both outputs to their ends, or until what is wanted is there.
    fn read(
        &mut self,
        request: &DecodeRequest<'_>,
        progress: &mut dyn FnMut(DecodeProgress) -> ControlFlow<()>,
    ) -> Result<Reached, DecodeError> {
        let limits = request.limits;
        let most_samples = limits.audio_seconds.saturating_mul(SAMPLE_RATE as u64);
        let deadline = Instant::now() + Duration::from_secs(limits.decode_seconds);
        let mut outputs = Outputs { stdout: self.child.stdout.take(), stderr: self.child.stderr.take() };
        let mut buffer = vec![0; 64 << 10];
        let mut reported = Instant::now();
        loop {
            let decoded_seconds = seconds(self.pcm.n_taken());
            if reported.elapsed() >= Duration::from_millis(TICK_MS.into()) {
                reported = Instant::now();
                if progress(DecodeProgress { seconds: decoded_seconds }).is_break() {
                    return Err(DecodeError::Interrupted { seconds: decoded_seconds });
                }
            }
            if Instant::now() >= deadline {
                return Err(DecodeError::TooSlow { limit_seconds: limits.decode_seconds, decoded_seconds });
            }
            let failed = |error: io::Error| DecodeError::CannotRun {
                program: request.ffmpeg.program.clone(),
                reason: format!("its output cannot be read: {error}"),
            };
            match outputs.read(&mut buffer).map_err(failed)? {
                Arrival::Nothing => {}
                Arrival::End => return Ok(Reached::End),
                Arrival::Stdout(n) => {
                    self.pcm.push(&buffer[..n]).map_err(|source| DecodeError::SpoolFailed {
                        spool: request.spool.to_owned(),
                        source,
                    })?;
                    if self.pcm.n_taken() as u64 > most_samples {
                        return Err(DecodeError::TooLong { limit_seconds: limits.audio_seconds });
                    }
                    if request.wanted.until.is_some_and(|until| self.pcm.n_taken() >= until) {
                        return Ok(Reached::Wanted);
                    }
                }
                Arrival::Stderr(n) => {
                    let room = STDERR_BYTES.saturating_sub(self.stderr.len());
                    self.stderr.extend_from_slice(&buffer[..n.min(room)]);
                }
            }
        }
    }
}

/// The decoder's outputs, as long as they are open.
struct Outputs {
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

/// What came in one read.
enum Arrival {
    Nothing,
    Stdout(usize),
    Stderr(usize),
    End,
}

impl Outputs {
    /// Waits at most one tick for either output and reads from it once.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Arrival> {
        let (out_ready, err_ready) = {
            let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
            let out = self.stdout.as_ref().map(|out| readable(out.as_fd()));
            let err = self.stderr.as_ref().map(|err| readable(err.as_fd()));
            let has_out = out.is_some();
            let mut fds: Vec<_> = out.into_iter().chain(err).collect();
            if fds.is_empty() {
                return Ok(Arrival::End);
            }
            match poll(&mut fds, PollTimeout::from(TICK_MS)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ready = |fd: Option<&PollFd<'_>>| {
                fd.and_then(PollFd::revents).is_some_and(|events| !events.is_empty())
            };
            if has_out { (ready(fds.first()), ready(fds.get(1))) } else { (false, ready(fds.first())) }
        };
        if out_ready {
            return Ok(match read_some(&mut self.stdout, buffer)? {
                0 => Arrival::Nothing,
                n => Arrival::Stdout(n),
            });
        }
        if err_ready {
            return Ok(match read_some(&mut self.stderr, buffer)? {
                0 => Arrival::Nothing,
                n => Arrival::Stderr(n),
            });
        }
        Ok(Arrival::Nothing)
    }
}

/// Reads once; closes the output at its end, which reads as 0.
fn read_some(output: &mut Option<impl Read>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(open) = output else { return Ok(0) };
    match open.read(buffer) {
        Ok(0) => {
            *output = None;
            Ok(0)
        }
        Ok(n) => Ok(n),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error),
    }
}

fn end(status: ExitStatus) -> End {
    match status.signal() {
        Some(signal) => End::Signal(signal),
        None => End::Exit(status.code().unwrap_or_default()),
    }
}
