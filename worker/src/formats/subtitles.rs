//! `SubRip` and `WebVTT`: a numbered or plain cue a segment, text on one line.

use std::fmt::Write as _;

use steno_shared::transcript::Transcript;

/// `SubRip`: cues counted from 1, times as `HH:MM:SS,mmm`.
pub(super) fn srt(transcript: &Transcript) -> String {
    let mut out = String::new();
    for (index, segment) in transcript.segments.iter().enumerate() {
        let (start, end) = (time(segment.start, true, ','), time(segment.end, true, ','));
        let _ = write!(out, "{}\n{start} --> {end}\n{}\n\n", index + 1, cue_text(&segment.text));
    }
    out
}

/// `WebVTT`: a header, then cues with times as `MM:SS.mmm`, or `HH:MM:SS.mmm` past the first hour.
pub(super) fn vtt(transcript: &Transcript) -> String {
    let mut out = String::from("WEBVTT\n\n");
    for segment in &transcript.segments {
        let (start, end) = (time(segment.start, false, '.'), time(segment.end, false, '.'));
        let _ = write!(out, "{start} --> {end}\n{}\n\n", cue_text(&segment.text));
    }
    out
}

/// A cue's text: one line, and no `-->`, which would read as a time line.
fn cue_text(text: &str) -> String {
    text.trim().replace(['\n', '\r'], " ").replace("-->", "->")
}

fn time(seconds: f64, always_hours: bool, decimal_mark: char) -> String {
    let ms = (seconds.max(0.0) * 1000.0).round() as u64;
    let (hours, minutes, whole, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    let hours = if always_hours || hours > 0 { format!("{hours:02}:") } else { String::new() };
    format!("{hours}{minutes:02}:{whole:02}{decimal_mark}{rest:03}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::sample::transcript;

    #[test]
    fn srt_as_whisper_writes_it() {
        let text = srt(&transcript(&[(0.0, 2.5, " Hello --> there."), (3661.04, 3662.0, " Later\nline.")]));
        assert_eq!(
            text,
            "1\n00:00:00,000 --> 00:00:02,500\nHello -> there.\n\n2\n01:01:01,040 --> 01:01:02,000\nLater line.\n\n"
        );
    }

    #[test]
    fn vtt_leaves_hours_out_until_they_come() {
        let text = vtt(&transcript(&[(0.0, 59.9996, " A"), (3600.0, 3601.0, " B")]));
        assert_eq!(text, "WEBVTT\n\n00:00.000 --> 01:00.000\nA\n\n01:00:00.000 --> 01:00:01.000\nB\n\n");
    }

    #[test]
    fn no_segments_give_a_valid_empty_file() {
        assert_eq!(srt(&transcript(&[])), "");
        assert_eq!(vtt(&transcript(&[])), "WEBVTT\n\n");
    }
}
