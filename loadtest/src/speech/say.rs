//! Speech by the program espeak-ng.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use steno_coordinator::failure::Failure;

use super::recipe::Planned;
use super::voice::Voice;
use super::wav::Audio;

const PROGRAM: &str = "espeak-ng";

/// Says a sentence as a recording's speaker does.
pub(super) fn say(planned: &Planned, sentence: &str) -> Result<Audio, Failure> {
    let [pace, pitch] = [planned.words_a_minute, planned.pitch].map(|number| number.to_string());
    speak(&planned.voice, &["-s", &pace, "-p", &pitch], sentence)
}

/// That espeak-ng is there and has the voice.
///
/// # Errors
/// If not, with what to do.
pub fn check_voice(voice: &Voice) -> Result<(), Failure> {
    speak(voice, &[], "A.").map(drop)
}

fn speak(voice: &Voice, options: &[&str], text: &str) -> Result<Audio, Failure> {
    let mut command = Command::new(PROGRAM);
    // The text is UTF-8, whatever this machine's locale.
    command.args(["-v", voice.name(), "-b", "1"]).args(options).args(["--stdout", "--", text]);
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return Failure::unusable(
                "espeak-ng, which speaks the recordings, is not on the PATH; install it (Debian, Ubuntu: `apt install \
                 espeak-ng`; macOS: `brew install espeak-ng`)",
            );
        }
        Failure::unusable(format!("failed to start espeak-ng: {error}"))
    })?;
    let audio =
        Audio::from_wav(&output.stdout).filter(|audio| output.status.success() && !audio.samples.is_empty());
    audio.ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        Failure::unusable(format!(
            "espeak-ng cannot speak with the voice {voice} ({}): {}; `espeak-ng --voices` lists those it has",
            output.status,
            said.split_whitespace().collect::<Vec<_>>().join(" ")
        ))
    })
}
