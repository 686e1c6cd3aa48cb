//! The formats beside JSON, as whisper's own writers write them.

#[cfg(test)]
mod sample;
mod subtitles;
mod tables;

use steno_shared::transcript::{Format, Transcript};

/// A transcript in a format beside JSON; `None` for JSON, which is the transcript itself.
#[must_use]
pub fn render(format: Format, transcript: &Transcript) -> Option<String> {
    match format {
        Format::Json => None,
        Format::Txt => Some(tables::txt(transcript)),
        Format::Tsv => Some(tables::tsv(transcript)),
        Format::Srt => Some(subtitles::srt(transcript)),
        Format::Vtt => Some(subtitles::vtt(transcript)),
    }
}
