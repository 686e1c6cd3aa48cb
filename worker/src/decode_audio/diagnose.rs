//! From the decoder's end to a result: which error, or which warnings.

use nix::sys::signal::Signal;

use super::DecodeError;
use super::child::CANNOT_START;
use super::request::{DecodeLimits, seconds};

/// A recording that decodes to less than this part of its header's length is reported.
const SUSPICIOUSLY_SHORT: f64 = 0.95;
/// Shortfalls of less than this many seconds are the header's rounding.
const ROUNDING_SECONDS: f64 = 1.0;

/// Exit code of the loader when a program's libraries cannot be loaded.
const LOADER_FAILED: i32 = 127;

/// How the decoder ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself.
    Exit(i32),
    /// By a signal.
    Signal(i32),
}

/// What is known when the decoder has ended.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    pub(super) end: End,
    pub(super) n_samples: usize,
    /// Its standard error, possibly cut.
    pub(super) stderr: &'a str,
    pub(super) limits: DecodeLimits,
    pub(super) expected_seconds: Option<f64>,
    pub(super) program: &'a std::path::Path,
}

impl Outcome<'_> {
    /// The warnings of a usable result, or why there is none.
    pub(super) fn diagnose(&self) -> Result<Vec<String>, DecodeError> {
        let limits = self.limits;
        let decoded = seconds(self.n_samples);
        match self.end {
            End::Signal(signal) if signal == Signal::SIGXCPU as i32 => {
                return Err(DecodeError::TooSlow {
                    limit_seconds: limits.decode_seconds,
                    decoded_seconds: decoded,
                });
            }
            End::Signal(signal) if signal == Signal::SIGKILL as i32 || signal == Signal::SIGTERM as i32 => {
                return Err(DecodeError::DecoderKilled { signal });
            }
            End::Signal(signal) => return Err(DecodeError::DecoderCrashed { signal }),
            End::Exit(CANNOT_START) => return Err(self.cannot_run()),
            // The loader's: what it consists of has changed since the worker looked.
            End::Exit(LOADER_FAILED)
                if self.n_samples == 0 && self.says("error while loading shared libraries") =>
            {
                return Err(self.cannot_run());
            }
            End::Exit(_) => {}
        }
        if self.n_samples == 0 {
            return Err(self.nothing_decoded());
        }
        let mut warnings = Vec::new();
        let messages = messages(self.stderr);
        if let Some(first) = messages.first() {
            let more = match messages.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            warnings.push(match self.end {
                End::Exit(0) | End::Signal(_) => {
                    format!("damaged: decoding left parts out, {decoded:.1} s remain: {first}{more}")
                }
                End::Exit(_) => format!("damaged: decoding stopped after {decoded:.1} s: {first}{more}"),
            });
        }
        if let Some(expected) = self.expected_seconds
            && decoded < expected * SUSPICIOUSLY_SHORT
            && decoded < expected - ROUNDING_SECONDS
        {
            warnings.push(format!(
                "cut off: the header tells {expected:.1} s, but only {decoded:.1} s could be decoded"
            ));
        }
        Ok(warnings)
    }

    fn nothing_decoded(&self) -> DecodeError {
        let message =
            messages(self.stderr).into_iter().next().unwrap_or_else(|| "ffmpeg gave no reason".into());
        if self.says("Cannot allocate memory") {
            DecodeError::TooLarge { limit_bytes: self.limits.memory_bytes, message }
        } else if self.says("matches no streams") || self.says("does not contain any stream") {
            DecodeError::NoAudioStream
        } else if self.says("Error opening input") {
            DecodeError::NotAudio { message }
        } else {
            DecodeError::NoSamples { message }
        }
    }

    fn cannot_run(&self) -> DecodeError {
        let reason = messages(self.stderr).into_iter().next().unwrap_or_default();
        DecodeError::CannotRun { program: self.program.to_owned(), reason }
    }

    fn says(&self, words: &str) -> bool {
        self.stderr.contains(words)
    }
}

/// The lines of ffmpeg's standard error without the `[name @ 0x…]` before them, which differs from run to run.
fn messages(stderr: &str) -> Vec<String> {
    stderr
        .lines()
        .map(|line| {
            let mut line = line.trim();
            while let Some((_, rest)) = line
                .strip_prefix('[')
                .and_then(|tagged| tagged.split_once(']'))
                .filter(|(tag, _)| tag.contains(" @ "))
            {
                line = rest.trim_start();
            }
            line.to_owned()
        })
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disposition::Disposition;

    fn diagnose(
        end: End,
        n_samples: usize,
        stderr: &str,
        expected: Option<f64>,
    ) -> Result<Vec<String>, DecodeError> {
        let limits = DecodeLimits { audio_seconds: 60, decode_seconds: 9, memory_bytes: 1 << 30 };
        let program = Path::new("ffmpeg");
        Outcome { end, n_samples, stderr, limits, expected_seconds: expected, program }.diagnose()
    }

    #[test]
    fn a_damaged_end_keeps_what_came_before() {
        let stderr = "[mp3float @ 0x5ad] Header missing\n[aist#0:0/mp3 @ 0x1] [dec:mp3 @ 0x2] Error\n";
        let warnings = diagnose(End::Exit(0), 16_000, stderr, Some(60.0)).unwrap();
        assert_eq!(
            warnings,
            [
                "damaged: decoding left parts out, 1.0 s remain: Header missing (and 1 more)",
                "cut off: the header tells 60.0 s, but only 1.0 s could be decoded"
            ]
        );
        let warnings = diagnose(End::Exit(69), 16_000, "Conversion failed!", Some(1.5)).unwrap();
        assert_eq!(warnings, ["damaged: decoding stopped after 1.0 s: Conversion failed!"]);
        assert_eq!(diagnose(End::Exit(0), 16_000, "", Some(1.0)).unwrap(), [""; 0]);
    }

    #[test]
    fn signals_and_refusals_have_their_dispositions() {
        let cases = [
            (End::Signal(11), "", Disposition::Poison),
            (End::Signal(9), "", Disposition::Retry),
            (End::Signal(24), "", Disposition::Retry),
            (End::Exit(126), "No such file or directory", Disposition::Fatal),
            (
                End::Exit(127),
                "ffmpeg: error while loading shared libraries: x.so: cannot open",
                Disposition::Fatal,
            ),
            // Only what the recording says: ffmpeg itself was tried at the worker's start.
            (End::Exit(1), "Unsafe file name 'Protocol not found'", Disposition::Poison),
            (End::Exit(1), "x: Cannot allocate memory", Disposition::Poison),
        ];
        for (end, stderr, disposition) in cases {
            let error = diagnose(end, 0, stderr, None).unwrap_err();
            assert_eq!(error.disposition(), disposition, "{error}");
        }
    }
}
