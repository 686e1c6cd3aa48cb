//! What ffmpeg must be able to do, looked at once before any recording is touched.

use std::path::Path;
use std::process::{Command, Stdio};

use super::DecodeError;

/// Checks that ffmpeg runs and can read a recording from an open file (its `fd:` protocol, since 6.0), so that no
/// recording's name or content ever makes it open another one.
///
/// # Errors
/// [`DecodeError::CannotRun`], with what to do.
pub fn check_ffmpeg(ffmpeg: &Path) -> Result<(), DecodeError> {
    let cannot_run = |reason: String| DecodeError::CannotRun { program: ffmpeg.to_owned(), reason };
    let output = Command::new(ffmpeg)
        .args(["-nostdin", "-hide_banner", "-protocols"])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_run(error.to_string()))?;
    if String::from_utf8_lossy(&output.stdout).lines().any(|line| line.trim() == "fd") {
        return Ok(());
    }
    Err(cannot_run("it has no `fd` protocol, so it is older than 6.0 or was built without".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_suitable_ffmpeg_is_refused_with_the_remedy() {
        for program in ["/bin/true", "/nowhere/ffmpeg"] {
            let error = check_ffmpeg(Path::new(program)).unwrap_err().to_string();
            assert!(error.contains(program) && error.contains("install ffmpeg 6.0 or later"), "{error}");
        }
    }
}
