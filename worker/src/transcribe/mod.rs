//! The sequential pipeline's decisions, free of engine and input: which window comes next, with which prompt, whether
//! its text is good enough, and where it is cut into segments.

mod clips;
mod fallback;
mod language;
mod prompt;
mod quality;
mod silence;
mod split;
mod walk;

pub use clips::{Clip, clips};
pub use fallback::{Attempt, Verdict, best_of_failures, is_silence, judge};
pub use language::{LanguageGuess, LanguageVote, detection_windows};
pub use prompt::{MAX_LENGTH, PromptTexts, max_length, most_new_tokens};
pub use quality::{avg_logprob, compression_ratio};
pub use silence::{Heard, Settled, settle_words, speech_end};
pub use split::{Split, split_at_timestamps};
pub use walk::{Walk, Window};
