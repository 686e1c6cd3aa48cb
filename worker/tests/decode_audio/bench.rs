//! Where the recordings of these tests are made and decoded.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use steno_worker::decode_audio::{
    Confine, DecodeError, DecodeLimits, DecodeRequest, DecodedAudio, Ffmpeg, Wanted, decode_audio,
};

pub(crate) const LIMITS: DecodeLimits =
    DecodeLimits { audio_seconds: 60, decode_seconds: 60, memory_bytes: 2 << 30 };

pub(crate) fn ffmpeg() -> PathBuf {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/bin/ffmpeg"));
    assert!(path.exists(), "no {}: run make setup", path.display());
    path
}

/// The decoder as a worker has it.
pub(crate) fn opened() -> &'static Ffmpeg {
    static OPENED: LazyLock<Ffmpeg> = LazyLock::new(|| {
        let worker = Path::new(env!("CARGO_BIN_EXE_steno-worker"));
        let opened = Ffmpeg::open(&ffmpeg(), worker, &std::env::temp_dir()).unwrap();
        // One of the machine's own may be a script, or of another make.
        let is_fetched = ffmpeg().canonicalize().unwrap().to_string_lossy().contains("imageio-ffmpeg");
        assert!(
            !is_fetched || matches!(opened.confine, Confine::ToFiles(_)),
            "it does not run confined: {opened:?}"
        );
        opened
    });
    &OPENED
}

/// Some other program in its place, not confined.
pub(crate) fn script(program: PathBuf) -> Ffmpeg {
    Ffmpeg { program, worker: env!("CARGO_BIN_EXE_steno-worker").into(), confine: Confine::Not }
}

pub(crate) fn jfk() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/jfk.flac")
}

/// A folder to make recordings in.
pub(crate) struct Bench(pub(crate) tempfile::TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Makes a recording with ffmpeg; `args` stand before the output's name.
    pub(crate) fn make(&self, name: &str, args: &[&str]) -> PathBuf {
        let path = self.0.path().join(name);
        let output = Command::new(ffmpeg())
            .args(["-nostdin", "-loglevel", "error", "-y"])
            .args(args)
            .arg(format!("file:{}", path.display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Keeps the first `part` of a recording.
    pub(crate) fn truncate(&self, path: &Path, part: f64) -> PathBuf {
        let bytes = std::fs::read(path).unwrap();
        let kept = (bytes.len() as f64 * part) as usize;
        let name = format!("cut-{}", path.file_name().unwrap().to_str().unwrap());
        self.write(&name, &bytes[..kept])
    }
}

pub(crate) fn decode_with(
    path: &Path,
    limits: DecodeLimits,
    expected: Option<f64>,
) -> Result<DecodedAudio, DecodeError> {
    let request = DecodeRequest {
        path,
        expected_seconds: expected,
        wanted: Wanted::default(),
        ffmpeg: opened(),
        spool: &std::env::temp_dir(),
        limits,
    };
    decode_audio(&request, &mut |_| ControlFlow::Continue(()))
}

pub(crate) fn decode(path: &Path) -> Result<DecodedAudio, DecodeError> {
    decode_with(path, LIMITS, None)
}

pub(crate) fn samples(audio: &DecodedAudio) -> Vec<i16> {
    audio.pcm.read(0..usize::MAX).unwrap()
}

pub(crate) fn assert_whole(path: &Path, seconds: f64) {
    let audio = decode(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!((audio.seconds() - seconds).abs() < 0.1, "{}: {} s", path.display(), audio.seconds());
    assert_eq!(audio.warnings, [""; 0], "{}", path.display());
    assert!(
        samples(&audio).iter().any(|&sample| sample.unsigned_abs() > 3000),
        "{} is silent",
        path.display()
    );
}
