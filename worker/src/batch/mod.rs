//! The batched pipeline's decisions, free of engine and input: which windows come next, in which language, which are
//! tried again, where their text is cut, and what a recording's transcript is in the end.

mod aligned_text;
mod fill;
mod language;
mod queue;
mod recording;
mod retries;
mod window_text;

pub use aligned_text::AlignedWindow;
pub use fill::{FOR_A_FULLER_BATCH, Fill};
pub use language::{Tongue, UNHEARD};
pub use queue::{Job, Ready, Taken, Ticket, WindowQueue};
pub use recording::{OpenRecording, Part};
pub use retries::Retries;
pub use window_text::{WindowText, cut_window};
