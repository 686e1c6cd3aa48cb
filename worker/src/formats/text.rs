//! Texts and times as whisper's writers, which are Python, see them.

/// Without the blanks at both ends. Python counts four separators of ASCII among them.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
    })
}

/// The text on one line, without blanks at both ends.
pub(super) fn one_line(text: &str) -> String {
    strip(text).replace(['\n', '\r'], " ")
}

/// Seconds in whole milliseconds, halves to the even one.
pub(super) fn milliseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round_ties_even() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_times_are_python_s() {
        assert_eq!(strip("\u{3000} \u{1f}a\u{1c}b\u{a0}\n"), "a\u{1c}b");
        assert_eq!(one_line(" a\r\nb "), "a  b");
        assert_eq!([0.0005, 0.0015, 59.9996, -1.0].map(milliseconds), [0, 2, 60_000, 0]);
    }
}
