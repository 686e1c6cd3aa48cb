//! White space as the reference reads it.

/// `text` without white space at its ends.
///
/// Unicode's white space and the four information separators, which Python's `str.strip` takes off too.
#[must_use]
pub fn trim_white_space(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_python_strips_is_taken_off() {
        assert_eq!(trim_white_space(" \u{1c}\u{1f}\u{3000}a b\u{85}\n"), "a b");
        assert_eq!(trim_white_space("\u{200b}"), "\u{200b}", "zero width is no white space");
    }
}
