//! The flags of how subtitles are laid out.

use clap::Args;
use steno_shared::subtitles::SubtitleLayout;

/// How subtitles are laid out, for srt and vtt among the formats.
#[derive(Debug, Args)]
#[command(next_help_heading = "Subtitles (with --word-timestamps)")]
pub(super) struct SubtitleArguments {
    /// Most characters in a line of subtitles.
    #[arg(long, alias = "max_line_width", value_name = "N")]
    max_line_width: Option<usize>,
    /// Most lines in a subtitle; subtitles then go over the ends of segments. Needs --max-line-width.
    #[arg(long, alias = "max_line_count", value_name = "N")]
    max_line_count: Option<usize>,
    /// Most words in a subtitle.
    #[arg(long, alias = "max_words_per_line", value_name = "N")]
    max_words_per_line: Option<usize>,
    /// Underline each word while it is spoken.
    #[arg(long, alias = "highlight_words")]
    highlight_words: bool,
}

impl SubtitleArguments {
    pub(super) fn layout(&self) -> SubtitleLayout {
        SubtitleLayout {
            max_line_width: self.max_line_width,
            max_line_count: self.max_line_count,
            max_words_per_line: self.max_words_per_line,
            highlight_words: self.highlight_words,
        }
    }
}
