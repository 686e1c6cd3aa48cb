//! Plain text and tab-separated values: a line a segment.

use std::fmt::Write as _;

use steno_shared::transcript::Transcript;

use super::text::{milliseconds, one_line};

/// The text alone, a line a segment.
pub(super) fn txt(transcript: &Transcript) -> String {
    transcript.segments.iter().fold(String::new(), |mut out, segment| {
        let _ = writeln!(out, "{}", one_line(&segment.text));
        out
    })
}

/// A header line, then start and end in whole milliseconds and the text.
pub(super) fn tsv(transcript: &Transcript) -> String {
    let mut out = String::from("start\tend\ttext\n");
    for segment in &transcript.segments {
        let (start, end) = (milliseconds(segment.start), milliseconds(segment.end));
        let _ = writeln!(out, "{start}\t{end}\t{}", one_line(&segment.text).replace('\t', " "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::sample::transcript;

    #[test]
    fn a_line_a_segment_whatever_the_text_holds() {
        let transcript = transcript(&[(0.0, 1.5, " One\ttab."), (1.5, 2.0, " Two\nlines.")]);
        assert_eq!(txt(&transcript), "One\ttab.\nTwo lines.\n");
        assert_eq!(tsv(&transcript), "start\tend\ttext\n0\t1500\tOne tab.\n1500\t2000\tTwo lines.\n");
    }
}
