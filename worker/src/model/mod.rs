//! What the model folder says beside the weights: vocabulary and features.

mod preprocessor;
mod vocabulary;

pub use preprocessor::{PreprocessorError, check_preprocessor};
pub use vocabulary::{Vocabulary, VocabularyError};
