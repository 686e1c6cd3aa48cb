//! Words into lines, lines into subtitles: the rules of openai-whisper's `SubtitlesWriter.iterate_result`.

use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Word;

use super::text::strip;

/// A longer pause between the starts of two words, in seconds, ends a subtitle that goes over segments.
const LONG_PAUSE: f64 = 3.0;
/// What stands for no limit in characters and in words.
const UNLIMITED: usize = 1000;

/// A word in its subtitle. The text begins with the blank or line break that parts it from the word before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) text: String,
}

/// Lays out each segment's words, none of them blank, as subtitles of at least one word.
pub(super) fn arrange(segments: &[Vec<Word>], layout: &SubtitleLayout) -> Vec<Vec<Placed>> {
    let width = layout.max_line_width.unwrap_or(UNLIMITED);
    let words_max = layout.max_words_per_line.unwrap_or(UNLIMITED).max(1);
    let keeps_segments = layout.max_line_count.is_none() || layout.max_line_width.is_none();
    let mut before = segments.iter().flatten().next().map_or(0.0, |word| word.start);
    let mut arranged = Vec::new();
    let mut subtitle: Vec<Placed> = Vec::new();
    let mut lines = 1;
    // Characters in the last line.
    let mut filled = 0;
    for chunk in segments.iter().flat_map(|words| words.chunks(words_max)) {
        for (index, word) in chunk.iter().enumerate() {
            let n_chars = word.word.chars().count();
            let begins_chunk = keeps_segments && index == 0 && !subtitle.is_empty();
            let is_late = !keeps_segments && word.start - before > LONG_PAUSE;
            before = word.start;
            let text = if filled > 0 && filled + n_chars <= width && !is_late && !begins_chunk {
                filled += n_chars;
                word.word.clone()
            } else {
                let own = strip(&word.word);
                let is_full = layout.max_line_count.is_some_and(|max| is_late || lines >= max);
                let continues = filled > 0;
                filled = own.chars().count();
                if begins_chunk || (is_full && !subtitle.is_empty()) {
                    arranged.push(std::mem::take(&mut subtitle));
                    lines = 1;
                    own.to_owned()
                } else if continues {
                    lines += 1;
                    format!("\n{own}")
                } else {
                    own.to_owned()
                }
            };
            subtitle.push(Placed { start: word.start, end: word.end, text });
        }
    }
    if !subtitle.is_empty() {
        arranged.push(subtitle);
    }
    arranged
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word each half second, from `start` on.
    fn words(start: f64, texts: &[&str]) -> Vec<Word> {
        let word = |(index, text): (usize, &&str)| {
            let start = start + index as f64 / 2.0;
            Word { start, end: start + 0.4, word: (*text).to_owned(), probability: 1.0 }
        };
        texts.iter().enumerate().map(word).collect()
    }

    fn texts(segments: &[Vec<Word>], layout: SubtitleLayout) -> Vec<String> {
        let text = |subtitle: &Vec<Placed>| subtitle.iter().map(|word| word.text.as_str()).collect();
        arrange(segments, &layout).iter().map(text).collect()
    }

    const WIDTH: SubtitleLayout = SubtitleLayout {
        max_line_width: Some(7),
        max_line_count: None,
        max_words_per_line: None,
        highlight_words: false,
    };
    const COUNT: SubtitleLayout = SubtitleLayout { max_line_count: Some(2), ..WIDTH };

    #[test]
    fn lines_end_at_the_width_and_a_longer_word_stands_alone() {
        let segments = [words(0.0, &[" one", " two", " interminably", " four"]), words(2.0, &[" five"])];
        assert_eq!(texts(&segments, WIDTH), ["one two\ninterminably\nfour", "five"]);
        assert_eq!(texts(&segments, COUNT), ["one two\ninterminably", "four\nfive"]);
    }

    #[test]
    fn only_a_pause_of_more_than_three_seconds_ends_a_subtitle_that_goes_over_segments() {
        let at = |start| [words(0.0, &[" a"]), words(start, &[" b"])];
        assert_eq!(texts(&at(3.0), COUNT), ["a b"]);
        assert_eq!(texts(&at(3.1), COUNT), ["a", "b"]);
        assert_eq!(texts(&at(3.0), WIDTH), ["a", "b"], "without a count, segments end subtitles");
    }

    #[test]
    fn words_are_counted_from_each_segment_s_start() {
        let layout = SubtitleLayout { max_words_per_line: Some(2), ..SubtitleLayout::default() };
        let segments = [words(0.0, &[" a", " b", " c"]), words(2.0, &[" d", " e"])];
        assert_eq!(texts(&segments, layout), ["a b", "c", "d e"]);
    }

    #[test]
    fn words_of_languages_without_blanks_are_joined() {
        let segments = [words(0.0, &["今日", "は", "晴れ"])];
        assert_eq!(texts(&segments, SubtitleLayout { max_line_width: Some(3), ..WIDTH }), ["今日は\n晴れ"]);
    }
}
