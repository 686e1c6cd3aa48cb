//! `SubRip` and `WebVTT`: the same cues, numbered or not, with times in either form.

use std::fmt::Write as _;

use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Transcript;

use super::cues::cues;

/// `SubRip`: cues counted from 1, times as `HH:MM:SS,mmm`.
pub(super) fn srt(transcript: &Transcript, layout: &SubtitleLayout) -> String {
    let mut out = String::new();
    for (index, cue) in cues(transcript, layout).iter().enumerate() {
        let (start, end) = (time(cue.start_ms, true, ','), time(cue.end_ms, true, ','));
        let _ = write!(out, "{}\n{start} --> {end}\n{}\n\n", index + 1, cue.text);
    }
    out
}

/// `WebVTT`: a header, then cues with times as `MM:SS.mmm`, or `HH:MM:SS.mmm` past the first hour.
pub(super) fn vtt(transcript: &Transcript, layout: &SubtitleLayout) -> String {
    let mut out = String::from("WEBVTT\n\n");
    for cue in cues(transcript, layout) {
        let (start, end) = (time(cue.start_ms, false, '.'), time(cue.end_ms, false, '.'));
        let _ = write!(out, "{start} --> {end}\n{}\n\n", cue.text);
    }
    out
}

fn time(ms: u64, always_hours: bool, decimal_mark: char) -> String {
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
        let text = srt(
            &transcript(&[(0.0, 2.5, " Hello --> there."), (3661.04, 3662.0, " Later\nline.")]),
            &SubtitleLayout::default(),
        );
        assert_eq!(
            text,
            "1\n00:00:00,000 --> 00:00:02,500\nHello -> there.\n\n2\n01:01:01,040 --> 01:01:02,000\nLater line.\n\n"
        );
    }

    #[test]
    fn vtt_leaves_hours_out_until_they_come() {
        let text =
            vtt(&transcript(&[(0.0, 59.9996, " A"), (3600.0, 3601.0, " B")]), &SubtitleLayout::default());
        assert_eq!(text, "WEBVTT\n\n00:00.000 --> 01:00.000\nA\n\n01:00:00.000 --> 01:00:01.000\nB\n\n");
    }

    #[test]
    fn no_segments_give_a_valid_empty_file() {
        assert_eq!(srt(&transcript(&[]), &SubtitleLayout::default()), "");
        assert_eq!(vtt(&transcript(&[]), &SubtitleLayout::default()), "WEBVTT\n\n");
    }
}
