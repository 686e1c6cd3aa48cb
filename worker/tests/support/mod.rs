//! What several of these tests need of the worker; `steno_tests::audio` has what needs no worker.

use std::ops::ControlFlow;
use std::path::Path;

use steno_shared::worker_config::WorkLimits;
use steno_tests::audio::{fetched, repository};
use steno_worker::decode_audio::{DecodeRequest, Ffmpeg, Wanted, decode_audio};
use steno_worker::pcm::Pcm;

/// The samples of a file of the repository, decoded as a worker does.
pub(crate) fn decoded(file: &str) -> Pcm {
    let worker = Path::new(env!("CARGO_BIN_EXE_steno-worker"));
    let ffmpeg = Ffmpeg::open(&fetched("bin/ffmpeg").unwrap(), worker, &std::env::temp_dir()).unwrap();
    let request = DecodeRequest {
        path: &repository().join(file),
        expected_seconds: None,
        wanted: Wanted::default(),
        ffmpeg: &ffmpeg,
        spool: &std::env::temp_dir(),
        limits: WorkLimits::default().into(),
    };
    decode_audio(&request, &mut |_| ControlFlow::Continue(())).unwrap().pcm
}
