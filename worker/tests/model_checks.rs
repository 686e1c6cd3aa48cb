//! What a model folder is refused for, on copies of tiny.en and base: `make setup-tests` fetches them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::path::{Path, PathBuf};

use steno_shared::exit::Exit;
use steno_shared::options::ComputeType;
use steno_shared::worker_config::Device;
use steno_tests::audio::fetched;
use steno_worker::engine::{Engine, EngineError};

fn model(name: &str) -> PathBuf {
    fetched(&format!("models/{name}")).unwrap()
}

/// A copy of a model whose files may be changed.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(model(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Engine, EngineError> {
    Engine::load(folder, Device::Cpu, ComputeType::Default, 2)
}

#[test]
fn models_that_are_whole_understand_speech_in_every_compute_type_of_a_cpu() {
    load(&model("base")).unwrap();
    for compute_type in [ComputeType::Int8, ComputeType::Float32, ComputeType::Auto] {
        Engine::load(&model("tiny.en"), Device::Cpu, compute_type, 2).unwrap();
    }
}

#[test]
fn weights_that_load_but_make_no_sense_are_nonsense() {
    let folder = copy("tiny.en");
    let path = folder.path().join("model.bin");
    let mut weights = std::fs::read(&path).unwrap();
    // Each token gets another one's embedding: every name, size and number stays plausible.
    let name = b"decoder/embeddings/weight";
    let start = weights.windows(name.len()).position(|bytes| bytes == name).unwrap() + name.len() + 64;
    const ROW_BYTES: usize = 384 * 2;
    weights[start..start + 50_000 * ROW_BYTES].rotate_left(1000 * ROW_BYTES);
    std::fs::write(&path, weights).unwrap();
    let Err(error) = load(folder.path()) else { unreachable!("nonsense was let through") };
    assert!(matches!(error, EngineError::Nonsense { .. }), "{error}");
    assert_eq!(error.exit(), Exit::BadEngine);
    assert!(error.to_string().contains("fetch the model again"), "{error}");
}

#[test]
fn a_tokenizer_of_another_model_is_named() {
    let folder = copy("tiny.en");
    std::fs::copy(model("base").join("tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json has <|endoftext|> (id 50257)"), "{error}");
    assert!(error.contains("belong to different models"), "{error}");
}

#[test]
fn a_vocabulary_without_the_last_timestamps_is_named() {
    let folder = copy("tiny.en");
    let path = folder.path().join("vocabulary.txt");
    let vocabulary = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, vocabulary.strip_suffix("<|29.98|>\n<|30.00|>\n").unwrap()).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("None where tokenizer.json has <|29.98|>"), "{error}");
}
