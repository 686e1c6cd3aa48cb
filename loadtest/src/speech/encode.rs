//! Samples into a recording's format, by ffmpeg.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use steno_coordinator::failure::Failure;

use super::format::Format;

/// What a telephone lets through, at its sample rate: 3 dB less at 300 and 3,400 Hz.
const TELEPHONE_BAND: &str = "highpass=f=300,lowpass=f=3400,aresample=8000";

/// An ffmpeg that encodes what it is given.
#[derive(Debug)]
pub(super) struct Encoder {
    process: Child,
    samples: ChildStdin,
    /// Files without a name, which nobody has to remove: some formats are finished at their begin.
    encoded: File,
    said: File,
}

impl Encoder {
    /// Starts it for samples of 16 bits, little-endian, of one channel.
    pub(super) fn start(
        ffmpeg: &Path,
        format: Format,
        rate: u32,
        is_telephone: bool,
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::unusable(format!("failed to start {}: {error}", ffmpeg.display()))
        };
        let (encoder, muxer) = format.encoder_and_muxer();
        let (encoded, said) = (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
        let mut command = Command::new(ffmpeg);
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"]);
        command.args(["-f", "s16le", "-ac", "1", "-ar", &rate.to_string(), "-i", "pipe:0"]);
        if is_telephone {
            command.args(["-af", TELEPHONE_BAND, "-ar", "8000"]);
        }
        // Neither versions nor times, so that the same samples give the same bytes.
        command.args(["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]);
        command.args([
            "-threads",
            "1",
            "-filter_threads",
            "1",
            "-c:a",
            encoder,
            "-f",
            muxer,
            "-fd",
            "1",
            "-y",
            "fd:",
        ]);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(encoded.try_clone().map_err(failed)?)
            .stderr(said.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        let samples =
            process.stdin.take().ok_or_else(|| Failure::internal("ffmpeg has no standard input"))?;
        Ok(Self { process, samples, encoded, said })
    }

    /// Gives it samples.
    pub(super) fn write(&mut self, samples: &[u8]) -> Result<(), Failure> {
        self.samples.write_all(samples).map_err(|error| {
            // It has ended, and said why.
            let _ = self.process.wait();
            Failure::unusable(format!("ffmpeg takes no more samples ({error}): {}", self.said()))
        })
    }

    /// The recording.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Failure> {
        let failed =
            |error: std::io::Error| Failure::unusable(format!("failed to read what ffmpeg encoded: {error}"));
        let mut process = self.process;
        drop(self.samples);
        let status = process.wait().map_err(failed)?;
        let mut encoded = Vec::new();
        self.encoded.rewind().and_then(|()| self.encoded.read_to_end(&mut encoded)).map_err(failed)?;
        if status.success() && !encoded.is_empty() {
            return Ok(encoded);
        }
        Err(Failure::unusable(format!(
            "ffmpeg failed to encode a recording ({status}): {}",
            text_of(&mut self.said)
        )))
    }

    fn said(&mut self) -> String {
        text_of(&mut self.said)
    }
}

fn text_of(file: &mut File) -> String {
    let mut text = Vec::new();
    // What cannot be read is left out of a message about something else.
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// That this ffmpeg has what the formats need.
///
/// # Errors
/// If not, with what to do.
pub fn check_encoders(ffmpeg: &Path, formats: &[Format]) -> Result<(), Failure> {
    let output = Command::new(ffmpeg).args(["-hide_banner", "-encoders"]).stdin(Stdio::null()).output();
    let output = output
        .map_err(|error| Failure::unusable(format!("failed to start {}: {error}", ffmpeg.display())))?;
    let listed = String::from_utf8_lossy(&output.stdout);
    match formats.iter().find(|format| !has_encoder(&listed, format.encoder_and_muxer().0)) {
        None => Ok(()),
        Some(format) => Err(Failure::unusable(format!(
            "{} has no encoder {}, which {} needs; install an ffmpeg that has it, or leave {2} out of --formats",
            ffmpeg.display(),
            format.encoder_and_muxer().0,
            format.extension()
        ))),
    }
}

/// Whether `ffmpeg -encoders` lists it: a line each, of flags, name and description.
fn has_encoder(listed: &str, encoder: &str) -> bool {
    listed.lines().any(|line| line.split_whitespace().nth(1) == Some(encoder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_is_found_by_its_whole_name() {
        let listed =
            "Encoders:\n A..... = Audio\n ------\n A....D aac                  AAC (Advanced Audio Coding)\n";
        assert!(has_encoder(listed, "aac"));
        assert!(!has_encoder(listed, "AAC") && !has_encoder(listed, "libopus") && !has_encoder(listed, "aa"));
    }
}
