//! The ffmpeg program: what it must be able to do, and how far it can be confined, looked at once before any recording.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::DecodeError;
use super::confine::Confine;
use super::process::decode_audio;
use super::request::{DecodeLimits, DecodeRequest, Ffmpeg, Wanted};

/// Read by the loader of a program's libraries, where it is there.
const LOADER_FILES: [&str; 2] = ["/etc/ld.so.cache", "/etc/ld.so.preload"];

/// A sound file of a hundredth of a second of silence, to try the decoder on.
const SILENCE: &[u8] = &{
    let header =
        *b"RIFF\xc4\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\x80\x3e\0\0\x01\0\x08\0data\xa0\0\0\0";
    let mut wav = [0x80_u8; 44 + 160];
    let mut at = 0;
    while at < header.len() {
        wav[at] = header[at];
        at += 1;
    }
    wav
};

impl Ffmpeg {
    /// Checks that ffmpeg runs, and can read a recording from an open file (its `fd:` protocol, since 6.0), so that no
    /// recording's name or content ever makes it open another one; and finds out how far it still runs when confined, on a file
    /// that it makes in `folder` for the while.
    ///
    /// # Errors
    /// [`DecodeError::CannotRun`], with what to do; others when it cannot be tried out.
    pub fn open(program: &Path, worker: &Path, folder: &Path) -> Result<Self, DecodeError> {
        check(program)?;
        let mut ways = vec![Confine::ToFiles(files_of(program)), Confine::SystemCalls];
        ways.retain(|way| *way != Confine::ToFiles(Vec::new()));
        for confine in ways {
            let ffmpeg = Self { program: program.to_owned(), worker: worker.to_owned(), confine };
            match ffmpeg.try_out(folder)? {
                None => return Ok(ffmpeg),
                Some(why) => {
                    let confine = ffmpeg.confine.name();
                    tracing::warn!(confine, why, "decoder.does_not_run_confined");
                }
            }
        }
        Ok(Self { program: program.to_owned(), worker: worker.to_owned(), confine: Confine::Not })
    }

    /// Decodes a hundredth of a second; what it could not do, or complained of, if it is the confinement's fault.
    fn try_out(&self, folder: &Path) -> Result<Option<String>, DecodeError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| DecodeError::Unreadable { path, source }
        };
        let silence = tempfile::NamedTempFile::new_in(folder).map_err(unreadable(folder))?;
        std::fs::write(silence.path(), SILENCE).map_err(unreadable(silence.path()))?;
        let request = DecodeRequest {
            path: silence.path(),
            expected_seconds: None,
            wanted: Wanted::default(),
            ffmpeg: self,
            spool: folder,
            limits: DecodeLimits { audio_seconds: 1, decode_seconds: 60, memory_bytes: 4 << 30 },
        };
        match decode_audio(&request, &mut |_| ControlFlow::Continue(())) {
            Ok(audio) => Ok(audio.warnings.into_iter().next()),
            // Nothing is known of it: the machine is too busy, or the file is gone.
            Err(
                error @ (DecodeError::TooSlow { .. }
                | DecodeError::Unreadable { .. }
                | DecodeError::DecoderKilled { .. }),
            ) => Err(error),
            Err(error) => Ok(Some(error.to_string())),
        }
    }
}

fn check(program: &Path) -> Result<(), DecodeError> {
    let cannot_run = |reason: String| DecodeError::CannotRun { program: program.to_owned(), reason };
    let output = Command::new(program)
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

/// The files that a program consists of: itself, its libraries and their loader, as the loader tells them. A program
/// without libraries passes the question over, and is all there is.
fn files_of(program: &Path) -> Vec<PathBuf> {
    let Ok(program) = program.canonicalize() else { return Vec::new() };
    let asked = Command::new(&program)
        .args(["-nostdin", "-hide_banner", "-version"])
        .env_clear()
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .stdin(Stdio::null())
        .output();
    let Ok(answer) = asked else { return Vec::new() };
    let mut files = libraries(&String::from_utf8_lossy(&answer.stdout));
    files.extend(LOADER_FILES.iter().map(PathBuf::from).filter(|path| path.exists()));
    files.push(program);
    files
}

/// The paths in what the loader says: `libm.so.6 => /lib/libm.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn libraries(said: &str) -> Vec<PathBuf> {
    said.lines()
        .filter_map(|line| {
            let line = line.trim().rsplit_once(" (0x")?.0;
            let path = line.split_once(" => ").map_or(line, |(_, path)| path);
            path.starts_with('/').then(|| PathBuf::from(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_suitable_ffmpeg_is_refused_with_the_remedy() {
        for program in ["/bin/true", "/nowhere/ffmpeg"] {
            let error = Ffmpeg::open(Path::new(program), Path::new("/nowhere/worker"), &std::env::temp_dir())
                .unwrap_err()
                .to_string();
            assert!(error.contains(program) && error.contains("install ffmpeg 6.0 or later"), "{error}");
        }
    }

    #[test]
    fn the_loader_names_the_libraries() {
        let said = "\tlinux-vdso.so.1 (0x00007ffe)\n\tlibm.so.6 => /lib/x86 64/libm.so.6 (0x00007f)\n\
                    \tlibgone.so => not found\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\nffmpeg version 9.0\n";
        assert_eq!(
            libraries(said),
            ["/lib/x86 64/libm.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from)
        );
    }
}
