//! Loading a model on a device.

use std::path::Path;

use steno_shared::model_folder::ModelFolder;
use steno_shared::options::ComputeType;
use steno_shared::worker_config::Device;

use super::EngineError;
use crate::features::{MelFilters, SAMPLE_RATE};
use crate::generate::{ChosenDevice, SpeechModel, native_compute_type};
use crate::model::{Vocabulary, check_preprocessor};
use crate::tokenizer::{SpecialTokens, TextTokenizer};

/// The version of the native library that the crate is built and pinned to.
const CTRANSLATE2_VERSION: &str = "4.8.4";

/// A model on a device, with its tokenizer and filterbank.
#[derive(Debug)]
pub struct Engine {
    pub(super) model: SpeechModel,
    pub(super) tokenizer: TextTokenizer,
    pub(super) vocabulary: Vocabulary,
    pub(super) filters: MelFilters,
    /// Whether words can be aligned.
    pub(super) has_alignment_heads: bool,
    description: EngineDescription,
}

/// What runs where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineDescription {
    /// Steno and engine with their versions.
    pub engine: String,
    /// `cpu` or `cuda`.
    pub device: &'static str,
    /// The compute type asked for, by the engine's name.
    pub compute_type: &'static str,
    /// Why a GPU that is there is not used; for the log.
    pub cuda_failure: Option<String>,
}

impl Engine {
    /// Loads a model folder, after checking that all its files are there and belong together, and lets it pass the
    /// known-answer test.
    ///
    /// With [`Device::Auto`] a CUDA GPU is taken when there is one and it works, else the CPU. `threads` is the number
    /// of CPU threads.
    ///
    /// # Errors
    /// Says which file is missing or damaged, what the device lacks, or that the engine writes nonsense.
    pub fn load(
        model: &Path,
        device: Device,
        compute_type: ComputeType,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let load = |device| Self::load_on(model, device, compute_type, threads);
        match device {
            Device::Cpu => load(ChosenDevice::Cpu),
            Device::Cuda if !ChosenDevice::Cuda.is_present() => Err(EngineError::NoCudaDevice),
            Device::Cuda => load(ChosenDevice::Cuda),
            Device::Auto if ChosenDevice::Cuda.is_present() => match load(ChosenDevice::Cuda) {
                Err(EngineError::Native(failure)) => {
                    let mut engine = load(ChosenDevice::Cpu)?;
                    engine.description.cuda_failure = Some(failure.to_string());
                    Ok(engine)
                }
                loaded => loaded,
            },
            Device::Auto => load(ChosenDevice::Cpu),
        }
    }

    fn load_on(
        model: &Path,
        device: ChosenDevice,
        compute_type: ComputeType,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let folder = ModelFolder::open(model)?;
        let tokenizer = TextTokenizer::load(&folder.tokenizer())?;
        let vocabulary = Vocabulary::load(&folder.vocabulary())?;
        vocabulary.check(tokenizer.special())?;
        let model = SpeechModel::load(folder.path(), device, compute_type, threads)?;
        if let Some(path) = folder.preprocessor() {
            check_preprocessor(&path, model.n_mels())?;
        }
        let description = EngineDescription {
            engine: format!("steno {}, ctranslate2 {CTRANSLATE2_VERSION}", env!("CARGO_PKG_VERSION")),
            device: model.device().as_str(),
            compute_type: native_compute_type(compute_type).1,
            cuda_failure: None,
        };
        let filters = MelFilters::new(model.n_mels(), 400, SAMPLE_RATE);
        let has_alignment_heads = folder.has_alignment_heads();
        let engine = Self { model, tokenizer, vocabulary, filters, has_alignment_heads, description };
        engine.self_test()?;
        engine.model.busy().forget();
        Ok(engine)
    }

    /// What runs where.
    #[must_use]
    pub fn description(&self) -> &EngineDescription {
        &self.description
    }

    /// The model itself.
    #[must_use]
    pub fn model(&self) -> &SpeechModel {
        &self.model
    }

    /// The filterbank of the model's features.
    #[must_use]
    pub fn filters(&self) -> &MelFilters {
        &self.filters
    }

    /// Whisper's special tokens, by the model's ids.
    #[must_use]
    pub fn special(&self) -> &SpecialTokens {
        self.tokenizer.special()
    }

    /// The text of tokens; timestamps and other special tokens leave nothing.
    ///
    /// # Errors
    /// When the tokenizer refuses the tokens.
    pub fn text_of(&self, tokens: &[u32]) -> Result<String, EngineError> {
        Ok(self.tokenizer.decode(tokens)?)
    }

    /// Whether the model knows several languages.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.model.is_multilingual()
    }
}
