//! The formats beside JSON, as whisper's own writers write them.

mod cues;
mod lines;
#[cfg(test)]
mod sample;
mod subtitles;
mod tables;
mod text;

use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::{Format, Transcript};

/// A transcript in a format beside JSON, subtitles laid out as asked; `None` for JSON, which is the transcript itself.
#[must_use]
pub fn render(format: Format, transcript: &Transcript, layout: &SubtitleLayout) -> Option<String> {
    match format {
        Format::Json => None,
        Format::Txt => Some(tables::txt(transcript)),
        Format::Tsv => Some(tables::tsv(transcript)),
        Format::Srt => Some(subtitles::srt(transcript, layout)),
        Format::Vtt => Some(subtitles::vtt(transcript, layout)),
    }
}
