//! Where recordings are cut: nothing is lost or doubled between parts, and what the model hears is the same however many there are.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::ops::ControlFlow;

use steno_shared::options::{Mode, TranscribeOptions};
use steno_shared::recording::RecordingPart;
use steno_worker::decode_audio::DecodedAudio;
use steno_worker::part_audio::{PartAudio, Reach};
use steno_worker::pcm::PcmWriter;
use steno_worker::speech::SpeechFinder;

use self::support::decoded;

const SECOND: usize = 16_000;

/// The same speech again and again, with pauses of many lengths.
fn recording(n_samples: usize) -> Vec<i16> {
    let speech = decoded("worker/tests/data/jfk.flac").read(0..usize::MAX).unwrap();
    let pause = |turn: usize| vec![0; turn * 7919 % 23 * SECOND / 10];
    let mut samples: Vec<i16> =
        (0..n_samples / speech.len() + 1).flat_map(|turn| [speech.clone(), pause(turn)].concat()).collect();
    samples.truncate(n_samples);
    samples
}

/// What the decoder gives for it, and what is cut out of that.
fn cut_out(recording: &[i16], reach: &Reach, finder: &SpeechFinder) -> PartAudio {
    let wanted = reach.wanted();
    let until = wanted.until.unwrap_or(usize::MAX).min(recording.len());
    let spool = tempfile::tempdir().unwrap();
    let mut writer = PcmWriter::new(spool.path(), usize::MAX).without(wanted.without);
    let bytes: Vec<u8> = recording[..until].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    writer.push(&bytes).unwrap();
    let audio = DecodedAudio { n_decoded: writer.n_taken(), pcm: writer.finish(), warnings: vec![] };
    reach.cut(&audio, finder, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The spans of all windows, in samples of the recording, and where the pieces begin.
fn windows(part: PartAudio, finder: &SpeechFinder) -> (Vec<Vec<(usize, usize)>>, Vec<usize>) {
    let from = part.from;
    let begins = part.pieces.iter().map(|piece| from + piece.samples.start).collect();
    let speech = part.speech(finder, &mut |_| ControlFlow::Continue(())).unwrap();
    let spans = |window: &steno_worker::vad::Chunk| {
        window.spans.iter().map(|span| (from + span.start, from + span.end)).collect()
    };
    (speech.windows.iter().map(spans).collect(), begins)
}

fn finder() -> SpeechFinder {
    SpeechFinder::new(TranscribeOptions::default())
}

#[test]
fn both_neighbours_cut_at_the_same_sample_and_nothing_is_lost_or_doubled() {
    let recording = recording(700 * SECOND + 4321);
    let finder = finder();
    // More parts than pieces and as many; and where the recording is shorter or longer than its header tells.
    for (count, whole_ms) in [(4, 700_000), (3, 700_000), (4, 650_000), (4, 900_000), (4, 2_000_000)] {
        let mut joined = Vec::new();
        for index in 0..count {
            let part = RecordingPart { index, count, whole_ms };
            let part = cut_out(&recording, &Reach::of(Some(part), index % 2 == 1), &finder);
            assert_eq!(part.from, joined.len(), "part {index} of {whole_ms}");
            joined.extend(part.pcm.read(0..usize::MAX).unwrap());
            if let Some(head) = part.head {
                let n = head.len();
                assert_eq!(head.read(0..n).unwrap(), recording[..n]);
            }
        }
        assert!(joined == recording, "{count} of {whole_ms}");
    }
}

#[test]
fn a_recording_is_heard_in_the_same_windows_in_parts_and_whole() {
    let recording = recording(1_240 * SECOND + 123);
    let finder = finder();
    let (whole, begins) = windows(cut_out(&recording, &Reach::of(None, false), &finder), &finder);
    assert_eq!(begins.len(), 5, "{begins:?}");
    for (planned, &begin) in begins.iter().enumerate() {
        assert!(begin.abs_diff(planned * 300 * SECOND) <= 30 * SECOND, "{begins:?}");
        let beyond = |window: &&Vec<(usize, usize)>| {
            window.first().unwrap().0 < begin && window.last().unwrap().1 > begin
        };
        assert_eq!(whole.iter().find(beyond), None, "a window goes on beyond a cut");
    }
    // As planned, and where the header tells of less or more.
    for (count, whole_ms) in [(3, 1_240_000), (5, 1_240_000), (2, 700_000), (4, 1_900_000)] {
        let mut in_parts = (Vec::new(), Vec::new());
        for index in 0..count {
            let reach = Reach::of(Some(RecordingPart { index, count, whole_ms }), false);
            let (windows, begins) = windows(cut_out(&recording, &reach, &finder), &finder);
            in_parts.0.extend(windows);
            in_parts.1.extend(begins);
        }
        // A part beyond the recording's end has nothing, from there on.
        in_parts.1.retain(|&begin| begin < recording.len());
        assert_eq!(in_parts, (whole.clone(), begins.clone()), "{count} parts of {whole_ms} ms");
    }
}

#[test]
fn a_recording_that_ends_soon_after_a_cut_is_planned_is_not_cut() {
    let finder = finder();
    for (seconds, pieces) in [(329, 1), (330, 2)] {
        let whole = cut_out(&recording(seconds * SECOND), &Reach::of(None, false), &finder);
        assert_eq!(whole.pieces.len(), pieces, "{seconds}");
    }
}

#[test]
fn who_hears_a_recording_otherwise_hears_it_as_it_is() {
    let recording = recording(700 * SECOND);
    for options in [
        TranscribeOptions { vad_filter: Some(false), ..TranscribeOptions::default() },
        TranscribeOptions { clip_timestamps: vec![1.0, 600.0], ..TranscribeOptions::default() },
        TranscribeOptions { mode: Mode::Sequential, vad_filter: Some(true), ..TranscribeOptions::default() },
    ] {
        let finder = SpeechFinder::new(options.clone());
        let whole = cut_out(&recording, &Reach::of(None, false), &finder);
        assert_eq!((whole.pieces.len(), whole.from, whole.pcm.len()), (0, 0, recording.len()), "{options:?}");
        // Parts of it are cut at the same silences all the same.
        let part = |index| Reach::of(Some(RecordingPart { index, count: 2, whole_ms: 700_000 }), false);
        let first = cut_out(&recording, &part(0), &finder);
        let second = cut_out(&recording, &part(1), &finder);
        assert_eq!((first.pieces.len(), first.pcm.len()), (0, second.from), "{options:?}");
        assert_eq!(first.pcm.len() + second.pcm.len(), recording.len(), "{options:?}");
    }
}
