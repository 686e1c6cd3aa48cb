//! How the words of subtitles are laid out: the options of whisper's own writers.

use serde::{Deserialize, Serialize};

use crate::options::{OptionsError, TranscribeOptions};
use crate::transcript::Format;

/// How `SubRip` and `WebVTT` files are laid out, by the names of openai-whisper's options. The default is a subtitle a
/// segment, on one line. Anything else needs the times of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubtitleLayout {
    /// Most characters in a line; a longer word stands alone.
    pub max_line_width: Option<usize>,
    /// Most lines in a subtitle; with this, subtitles go over the ends of segments.
    pub max_line_count: Option<usize>,
    /// Most words in a subtitle.
    pub max_words_per_line: Option<usize>,
    /// Underline each word while it is spoken.
    pub highlight_words: bool,
}

impl SubtitleLayout {
    /// Checks that the layout makes sense, has the times of words it needs, and a format that it is for.
    ///
    /// # Errors
    /// Names the option and what it must be.
    pub fn check(&self, options: &TranscribeOptions, formats: &[Format]) -> Result<(), OptionsError> {
        let numbers = [
            ("max_line_width", self.max_line_width),
            ("max_line_count", self.max_line_count),
            ("max_words_per_line", self.max_words_per_line),
        ];
        for (name, value) in numbers {
            if value == Some(0) {
                return Err(OptionsError::new(name, 0, "at least 1"));
            }
        }
        let given = numbers.into_iter().find_map(|(name, value)| Some((name, value?.to_string())));
        let highlight = self.highlight_words.then(|| ("highlight_words", true.to_string()));
        let Some((name, value)) = given.or(highlight) else { return Ok(()) };
        if !options.word_timestamps {
            let must = "left out, or word_timestamps be true: words are placed by their times";
            return Err(OptionsError::new(name, value, must));
        }
        if !formats.iter().any(|format| matches!(format, Format::Srt | Format::Vtt)) {
            let must = "left out, or srt or vtt be among the formats: it lays out subtitles";
            return Err(OptionsError::new(name, value, must));
        }
        match (self.max_line_count, self.max_line_width, self.max_words_per_line) {
            (Some(count), None, _) => {
                let must = "given together with max_line_width: without it, lines do not end";
                Err(OptionsError::new("max_line_count", count, must))
            }
            (Some(_), Some(_), Some(words)) => {
                let must = "left out where max_line_width and max_line_count say how subtitles end";
                Err(OptionsError::new("max_words_per_line", words, must))
            }
            (_, _, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SubtitleLayout = SubtitleLayout {
        max_line_width: None,
        max_line_count: None,
        max_words_per_line: None,
        highlight_words: false,
    };

    #[test]
    fn each_refusal_names_the_option() {
        let with_words = TranscribeOptions { word_timestamps: true, ..TranscribeOptions::default() };
        let srt = [Format::Json, Format::Srt];
        let width = SubtitleLayout { max_line_width: Some(42), ..PLAIN };
        let highlight = SubtitleLayout { highlight_words: true, ..PLAIN };
        let count = SubtitleLayout { max_line_count: Some(2), ..PLAIN };
        let all = SubtitleLayout { max_line_count: Some(2), max_words_per_line: Some(4), ..width };
        let none = SubtitleLayout { max_words_per_line: Some(0), ..PLAIN };
        let without_words = TranscribeOptions::default();
        for (layout, options, formats, words) in [
            (none, &with_words, &srt[..], "max_words_per_line is 0, but must be at least 1"),
            (width, &without_words, &srt, "max_line_width is 42, but must be left out, or word_timestamps"),
            (highlight, &without_words, &srt, "highlight_words is true"),
            (highlight, &with_words, &srt[..1], "or srt or vtt be among the formats"),
            (count, &with_words, &srt, "max_line_count is 2, but must be given together with max_line_width"),
            (all, &with_words, &srt, "max_words_per_line is 4, but must be left out"),
        ] {
            let message = layout.check(options, formats).unwrap_err().to_string();
            assert!(message.contains(words), "{words:?} is not in {message:?}");
        }
        let both = SubtitleLayout { max_line_count: Some(2), highlight_words: true, ..width };
        let words = SubtitleLayout { max_words_per_line: Some(4), ..width };
        for layout in [width, highlight, both, words] {
            assert_eq!(layout.check(&with_words, &srt), Ok(()), "{layout:?}");
        }
        assert_eq!(PLAIN.check(&without_words, &[Format::Json]), Ok(()));
    }
}
