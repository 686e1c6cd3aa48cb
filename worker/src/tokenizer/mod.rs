//! Text and tokens: `tokenizer.json`, Whisper's special tokens, words, and the symbols that are no speech.

mod non_speech;
mod special_tokens;
mod text;
mod white_space;
mod words;

pub use special_tokens::SpecialTokens;
pub use text::{TextTokenizer, TokenizerError};
pub use white_space::trim_white_space;
pub use words::TokenWord;
