//! What transcribing fails with.

use steno_shared::exit::Exit;
use steno_shared::model_folder::ModelFolderError;
use steno_shared::options::OptionsError;
use thiserror::Error;

use crate::disposition::Disposition;
use crate::generate::NativeError;
use crate::model::{PreprocessorError, VocabularyError};
use crate::tokenizer::TokenizerError;
use crate::vad::VadError;

/// An error of loading the engine or of transcribing with it.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The progress callback asked to stop.
    #[error("stopped on request after {seconds:.0} s of audio")]
    Interrupted {
        /// Audio done, in seconds.
        seconds: f64,
    },
    /// The model folder is none.
    #[error(transparent)]
    Folder(#[from] ModelFolderError),
    /// The model wants other features.
    #[error(transparent)]
    Preprocessor(#[from] PreprocessorError),
    /// The vocabulary cannot be used.
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The native engine failed.
    #[error(transparent)]
    Native(#[from] NativeError),
    /// A defect: the engine's own code panicked.
    #[error("the engine panicked on it; this is a defect of Steno, please report it")]
    Panicked,
    /// `--device cuda` where there is none.
    #[error(
        "no CUDA device is visible; check nvidia-smi, or use --device cpu (in a cluster, worker.device: cpu)"
    )]
    NoCudaDevice,
    /// The model does not know the language asked for.
    #[error(
        "the model knows no language {language:?}; give a code such as en, de or zh, or none to detect it"
    )]
    UnknownLanguage {
        /// The code.
        language: String,
    },
    /// The model knows only English.
    #[error("this model knows English only, so it cannot do {asked}; use a multilingual model")]
    EnglishOnly {
        /// Language or task asked for.
        asked: String,
    },
    /// More new tokens are asked for than the model's context holds.
    #[error(
        "max_new_tokens is {max_new_tokens}, but after the prompt's own tokens the model's context has room for {room}; \
         lower it, or shorten prefix and hotwords"
    )]
    NoRoomForTokens {
        /// What is asked for.
        max_new_tokens: usize,
        /// What there is at most.
        room: usize,
    },
    /// Known speech was not understood.
    #[error(
        "the engine does not understand known speech on {device}: for {said:?} it wrote {heard:?}; \
         on a GPU, update the driver or try --device cpu, else fetch the model again or try another --compute-type"
    )]
    Nonsense {
        /// `cpu` or `cuda`.
        device: &'static str,
        /// What is said in the speech.
        said: &'static str,
        /// What the engine wrote.
        heard: String,
    },
    /// Speech could not be told from silence.
    #[error(transparent)]
    Vad(#[from] VadError),
    /// The samples of a long recording cannot be read back.
    #[error("cannot read decoded audio back from the spool folder: {0}; check the disk")]
    Spool(#[from] std::io::Error),
    /// An option has a value that makes no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

impl EngineError {
    /// How a worker ends that cannot start or go on for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Nonsense { .. } | Self::Panicked => Exit::BadEngine,
            // A new process may use it again; its parent counts how often that was so.
            Self::Native(NativeError::DeviceLost { .. }) => Exit::Lost,
            Self::Interrupted { .. }
            | Self::Folder(_)
            | Self::Preprocessor(_)
            | Self::Vocabulary(_)
            | Self::Tokenizer(_)
            | Self::Native(_)
            | Self::NoCudaDevice
            | Self::UnknownLanguage { .. }
            | Self::EnglishOnly { .. }
            | Self::Vad(_)
            | Self::Spool(_)
            | Self::NoRoomForTokens { .. }
            | Self::Options(_) => Exit::Unusable,
        }
    }

    /// What the worker does next.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Interrupted { .. } => Disposition::Interrupted,
            Self::Native(error) => error.disposition(),
            Self::Vad(error) => error.disposition(),
            Self::Spool(_) | Self::Panicked => Disposition::Retry,
            // None of these has to do with the recording.
            Self::Folder(_)
            | Self::Preprocessor(_)
            | Self::Vocabulary(_)
            | Self::Tokenizer(_)
            | Self::NoCudaDevice
            | Self::Nonsense { .. }
            | Self::UnknownLanguage { .. }
            | Self::EnglishOnly { .. }
            | Self::NoRoomForTokens { .. }
            | Self::Options(_) => Disposition::Fatal,
        }
    }
}
