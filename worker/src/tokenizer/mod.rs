//! Text and tokens: `tokenizer.json`, Whisper's special tokens and the symbols that are no speech.

mod non_speech;
mod special_tokens;
mod text;

pub use special_tokens::SpecialTokens;
pub use text::{TextTokenizer, TokenizerError};
