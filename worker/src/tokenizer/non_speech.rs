//! Symbols that annotate rather than transcribe: brackets, notes, speaker tags.

use super::TokenizerError;

/// Single characters.
const CHARACTERS: &str = "\"#()*+/:;<=>@[\\]^_`{|}~「」『』";
/// Sequences.
const SEQUENCES: [&str; 18] = [
    "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))", "[[", "]]",
    "{{", "}}",
];
/// Sequences of notes.
const NOTE_SEQUENCES: [&str; 2] = ["♪♪", "♪♪♪"];
/// Notes, of which the first token alone is suppressed where they take several: it stands for nothing but such symbols.
const NOTES: &str = "♩♪♫♬♭♮♯";

/// The tokens of these symbols, sorted, as Whisper's own decoder suppresses them.
///
/// A hyphen or an apostrophe may stand in a word but not begin one.
pub(super) fn non_speech_tokens(
    encode: impl Fn(&str) -> Result<Vec<u32>, TokenizerError>,
) -> Result<Vec<u32>, TokenizerError> {
    let mut tokens = Vec::new();
    for word_start in [" -", " '"] {
        tokens.extend(encode(word_start)?.first());
    }
    let symbols = CHARACTERS
        .chars()
        .map(String::from)
        .chain(SEQUENCES.into_iter().chain(NOTE_SEQUENCES).map(str::to_owned));
    for symbol in symbols {
        for text in [symbol.clone(), format!(" {symbol}")] {
            if let [token] = encode(&text)?[..] {
                tokens.push(token);
            }
        }
    }
    for note in NOTES.chars() {
        for text in [note.to_string(), format!(" {note}")] {
            tokens.extend(encode(&text)?.first());
        }
    }
    tokens.sort_unstable();
    tokens.dedup();
    Ok(tokens)
}
