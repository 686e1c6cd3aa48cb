//! The sequential pipeline's decisions, free of engine and input: which window comes next, with which prompt, whether
//! its text is good enough, and where it is cut into segments.

mod fallback;
mod language;
mod prompt;
mod quality;
mod split;
mod walk;

pub use fallback::{Attempt, Verdict, best_of_failures, is_silence, judge};
pub use language::{LanguageGuess, LanguageVote};
pub use prompt::{MAX_LENGTH, prompt};
pub use quality::{avg_logprob, compression_ratio};
pub use split::{Cut, Split, split_at_timestamps};
pub use walk::{Walk, Window};
