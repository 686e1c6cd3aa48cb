//! Batched mode on the real model tiny.en: a window's text is its own, whoever is beside it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod support;

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use steno_shared::exit::Exit;
use steno_shared::options::{ComputeType, Mode, SegmentTimes, TranscribeOptions};
use steno_shared::worker_config::Device;
use steno_tests::audio::fetched;
use steno_worker::assemble::Transcription;
use steno_worker::batch::Ticket;
use steno_worker::engine::{BatchDecoder, Engine, EngineError};
use steno_worker::features::WindowFeatures;
use steno_worker::generate::{Alignment, Encoded, Generated, NativeError, SpeechModel, WindowModel};
use steno_worker::pcm::Pcm;
use steno_worker::speech::{Speech, SpeechFinder};
use steno_worker::stage_error::StageError;
use steno_worker::transcribe::LanguageGuess;

use self::support::decoded;

const RATE: usize = 16_000;

fn engine(model: &str) -> Engine {
    Engine::load(&fetched(model).unwrap(), Device::Cpu, ComputeType::Float32, 2).unwrap()
}

fn jfk() -> Vec<i16> {
    decoded("worker/tests/data/jfk.flac").read(0..usize::MAX).unwrap()
}

fn meeting() -> Vec<i16> {
    decoded("samples/meeting room/ami-dev00-start.mp3").read(0..usize::MAX).unwrap()
}

fn speech(samples: Vec<i16>, options: &TranscribeOptions) -> Speech {
    SpeechFinder::new(options.clone()).find(Pcm::from(samples), &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Without voice detection, so that a window is what the test says.
fn plain() -> TranscribeOptions {
    TranscribeOptions {
        vad_filter: Some(false),
        ..TranscribeOptions { mode: Mode::Batched, ..TranscribeOptions::default() }
    }
}

fn heard<M: WindowModel>(
    engine: &Engine,
    model: &M,
    recordings: &[Vec<i16>],
    options: &TranscribeOptions,
    batch_size: usize,
) -> Vec<Result<Transcription, EngineError>> {
    let recordings: Vec<Speech> = recordings.iter().map(|samples| speech(samples.clone(), options)).collect();
    engine.transcribe_many(model, &recordings, options, batch_size).unwrap()
}

fn all(results: Vec<Result<Transcription, EngineError>>) -> Vec<Transcription> {
    results.into_iter().map(Result::unwrap).collect()
}

fn text(transcription: &Transcription) -> String {
    transcription.segments.iter().map(|segment| segment.text.as_str()).collect()
}

/// Equal but for the last digits: a batch of another size adds up floats in another order.
fn same(left: &Transcription, right: &Transcription) {
    assert_eq!(text(left), text(right));
    assert_eq!(left.language, right.language);
    assert_eq!(left.segments.len(), right.segments.len());
    for (left, right) in left.segments.iter().zip(&right.segments) {
        assert_eq!((left.start, left.end, left.temperature), (right.start, right.end, right.temperature));
        assert!((left.avg_logprob - right.avg_logprob).abs() < 1e-3, "{left:?} {right:?}");
        assert!((left.no_speech_prob - right.no_speech_prob).abs() < 1e-3, "{left:?} {right:?}");
    }
}

/// Unequal recordings: long, short, part of a word, noise, silence, two windows.
fn neighbours() -> Vec<Vec<i16>> {
    let (jfk, meeting) = (jfk(), meeting());
    let noise = (0..3 * RATE as i64).map(|n| ((n * 7919 + n * n * 31) % 2000 - 1000) as i16).collect();
    vec![
        jfk.clone(),
        jfk[3 * RATE..6 * RATE].to_vec(),
        noise,
        meeting.clone(),
        vec![0; 2 * RATE],
        [jfk.clone(), jfk[..RATE].to_vec(), jfk.clone(), jfk].concat(),
        meeting[2 * RATE..9 * RATE].to_vec(),
    ]
}

#[test]
fn a_window_s_result_is_the_same_in_a_batch_of_any_size() {
    let engine = engine("models/tiny.en");
    // One temperature: sampling is random.
    let options = TranscribeOptions { temperature: vec![0.0], ..plain() };
    let recordings = neighbours();
    let alone = all(heard(&engine, engine.model(), &recordings, &options, 1));
    assert!(text(&alone[0]).contains("ask what you can do for your country"), "{}", text(&alone[0]));
    assert!(alone[5].segments.last().unwrap().end > 30.0, "there is a second window");
    for batch_size in [2, 5, 8] {
        let beside = all(heard(&engine, engine.model(), &recordings, &options, batch_size));
        for (alone, beside) in alone.iter().zip(&beside) {
            same(alone, beside);
        }
    }
}

#[test]
fn one_window_is_as_in_sequential_mode() {
    let mut engine = engine("models/tiny.en");
    let (samples, options) = (jfk(), plain());
    let batched = all(heard(&engine, engine.model(), std::slice::from_ref(&samples), &options, 8));
    let sequential =
        engine.transcribe(&Pcm::from(samples), &options, &mut |_| ControlFlow::Continue(())).unwrap();
    same(&batched[0], &sequential);
}

#[test]
fn speech_keeps_its_place_among_silence() {
    let engine = engine("models/tiny.en");
    let options = TranscribeOptions { mode: Mode::Batched, ..TranscribeOptions::default() };
    let samples = [vec![0; 20 * RATE], jfk(), vec![0; 40 * RATE], jfk(), vec![0; 5 * RATE]].concat();
    let results = all(heard(&engine, engine.model(), &[samples, vec![0; 7 * RATE]], &options, 4));
    let segments = &results[0].segments;
    assert!(segments[0].start > 19.0 && segments[0].start < 22.0, "{segments:#?}");
    let second =
        segments.iter().find(|segment| segment.start > 60.0).unwrap_or_else(|| panic!("{segments:#?}"));
    assert!(second.start > 70.0 && second.start < 73.0, "{segments:#?}");
    assert!(segments.iter().all(|segment| segment.end < 83.0), "{segments:#?}");
    assert_eq!(text(&results[0]).matches("your country").count(), 4, "{}", text(&results[0]));
    assert_eq!((results[1].segments.len(), results[1].duration), (0, 7.0));
}

/// A model that fails as a device does, and counts.
struct Faulty<'a> {
    model: &'a SpeechModel,
    /// Windows of a batch that there is memory for.
    memory: usize,
    /// Features whose first value is this make the device fail.
    poison: Option<f32>,
    /// The device is lost.
    lost: bool,
    batches: RefCell<Vec<usize>>,
    generations: Cell<usize>,
}

impl<'a> Faulty<'a> {
    fn new(model: &'a SpeechModel) -> Self {
        Self {
            model,
            memory: usize::MAX,
            poison: None,
            lost: false,
            batches: RefCell::default(),
            generations: Cell::default(),
        }
    }
}

impl WindowModel for Faulty<'_> {
    type Encoded = Encoded;

    fn encode_windows(&self, features: Vec<f32>, n_windows: usize) -> Result<Encoded, NativeError> {
        self.batches.borrow_mut().push(n_windows);
        if n_windows > self.memory {
            let (device, reason) = ("cuda", "CUDA failed with error out of memory".to_owned());
            return Err(NativeError::OutOfMemory { device, doing: "encoding", reason });
        }
        if self.lost {
            let (device, reason) = ("cuda", "CUDA failed with error unspecified launch failure".to_owned());
            return Err(NativeError::DeviceLost { device, doing: "encoding", reason });
        }
        let length = features.len() / n_windows;
        if features.chunks(length).any(|window| Some(window[0]) == self.poison) {
            let (device, reason) = ("cuda", "CUDA failed with error invalid argument".to_owned());
            return Err(NativeError::Failed { device, doing: "encoding", reason });
        }
        self.model.encode_windows(features, n_windows)
    }

    fn detect_languages(&self, encoded: &Encoded) -> Result<Vec<LanguageGuess>, NativeError> {
        self.model.detect_languages(encoded)
    }

    fn generate_windows(
        &self,
        encoded: &Encoded,
        prompts: &[Vec<&str>],
        temperature: f64,
        suppress_tokens: &[i32],
        options: &TranscribeOptions,
    ) -> Result<Vec<Generated>, NativeError> {
        self.generations.set(self.generations.get() + 1);
        self.model.generate_windows(encoded, prompts, temperature, suppress_tokens, options)
    }

    fn align_windows(
        &self,
        encoded: &Encoded,
        start_sequence: &[u32],
        text_tokens: &[Vec<u32>],
        n_frames: &[usize],
    ) -> Result<Vec<Alignment>, NativeError> {
        self.model.align_windows(encoded, start_sequence, text_tokens, n_frames)
    }
}

#[test]
fn a_device_without_memory_gets_smaller_batches_and_nothing_is_lost() {
    let engine = engine("models/tiny.en");
    let options = TranscribeOptions { temperature: vec![0.0], ..plain() };
    let recordings = [neighbours(), vec![jfk(); 2]].concat();
    let whole = all(heard(&engine, engine.model(), &recordings, &options, 8));
    let small = Faulty { memory: 2, ..Faulty::new(engine.model()) };
    let halved = all(heard(&engine, &small, &recordings, &options, 8));
    for (whole, halved) in whole.iter().zip(&halved) {
        same(whole, halved);
    }
    let batches = small.batches.into_inner();
    assert_eq!(batches[..3], [8, 4, 2], "halved until it fits");
    assert!(batches[2..].iter().all(|n| *n <= 2), "the smaller size stays: {batches:?}");

    let none = Faulty { memory: 0, ..Faulty::new(engine.model()) };
    let failed = heard(&engine, &none, &recordings[..2], &options, 8);
    assert!(
        failed
            .iter()
            .all(|result| matches!(result, Err(EngineError::Native(NativeError::OutOfMemory { .. })))),
        "not even one window fits: {failed:?}"
    );
}

#[test]
fn a_recording_that_the_device_fails_on_fails_alone() {
    let engine = engine("models/tiny.en");
    let options = TranscribeOptions { temperature: vec![0.0], ..plain() };
    let recordings = neighbours();
    let fine = all(heard(&engine, engine.model(), &recordings, &options, 8));
    let mut features = steno_worker::features::WindowFeatures::new(engine.filters().clone());
    let poison = features.of(recordings[3].clone()).unwrap()[0];
    let faulty = Faulty { poison: Some(poison), ..Faulty::new(engine.model()) };
    let results = heard(&engine, &faulty, &recordings, &options, 8);
    for (n, (result, fine)) in results.iter().zip(&fine).enumerate() {
        match result {
            Ok(result) => same(result, fine),
            Err(error) => assert!(n == 3 && error.to_string().contains("invalid argument"), "{n}: {error}"),
        }
    }
    assert!(results[3].is_err(), "it was not found");
}

#[test]
fn a_lost_device_ends_the_worker_and_is_no_recording_s_fault() {
    let engine = engine("models/tiny.en");
    let options = plain();
    let model = Faulty { lost: true, ..Faulty::new(engine.model()) };
    let mut decoder = BatchDecoder::new(&engine, &model, &options, 8).unwrap();
    let recording = speech(jfk(), &options);
    let samples = recording.windows[0].read(&recording.pcm).unwrap();
    let features = WindowFeatures::new(engine.filters().clone()).of(samples).unwrap();
    for ticket in [Ticket(1), Ticket(2), Ticket(3)] {
        decoder.open(ticket, &recording);
        decoder.push(ticket, 0, features.clone());
    }
    let done = decoder.step(false, &mut |_| ControlFlow::Continue(()));
    assert_eq!(model.batches.borrow().as_slice(), [3], "not taken apart: each call would fail");
    let [(_, Err(error))] = done.as_slice() else { panic!("only one is told: {done:?}") };
    let StageError::Fatal { exit, message } = StageError::from_engine(error) else { panic!("{error}") };
    assert_eq!(exit, Exit::Lost, "a new process may use the device");
    assert!(message.contains("cuda was lost while encoding"), "{message}");
    assert_eq!(decoder.room(), 6, "the others wait, to be given back");
}

/// The engine stops writing in the middle of what is said when no more tokens are allowed.
#[test]
fn text_that_was_cut_off_is_heard_again_from_its_last_whole_segment() {
    let engine = engine("models/tiny.en");
    let recordings = [[jfk(), jfk()].concat()];
    let options = TranscribeOptions { temperature: vec![0.0], ..plain() };
    let whole = all(heard(&engine, engine.model(), &recordings, &options, 8));
    let options = TranscribeOptions { max_new_tokens: Some(70), ..options };
    let model = Faulty::new(engine.model());
    let cut = all(heard(&engine, &model, &recordings, &options, 8));
    assert!(model.batches.into_inner().len() > 1, "it was not cut off");
    let ends = |heard: &[Transcription]| text(&heard[0]).matches("do for your country").count();
    assert_eq!((ends(&cut), ends(&whole)), (2, 2), "{}", text(&cut[0]));
}

#[test]
fn who_watches_is_told_before_the_first_call_and_may_stop_it() {
    let engine = engine("models/tiny.en");
    let (model, options) = (Faulty::new(engine.model()), plain());
    let recording = speech(jfk(), &options);
    let mut decoder = BatchDecoder::new(&engine, &model, &options, 8).unwrap();
    decoder.open(Ticket(7), &recording);
    let samples = recording.windows[0].read(&recording.pcm).unwrap();
    let features = WindowFeatures::new(engine.filters().clone()).of(samples).unwrap();
    decoder.push(Ticket(7), 0, features);
    let mut told = Vec::new();
    let done = decoder.step(false, &mut |ticket| {
        told.push(ticket);
        ControlFlow::Break(())
    });
    assert!(done.is_empty() && model.batches.borrow().is_empty(), "a device that hangs would hang unseen");
    assert_eq!(told, [Ticket(7)]);
    assert_eq!(decoder.step(false, &mut |_| ControlFlow::Continue(())).len(), 1, "nothing was lost");
}

#[test]
fn windows_that_fail_are_tried_at_each_temperature_together() {
    let engine = engine("models/tiny.en");
    // No text is certain, so each temperature fails.
    let options = TranscribeOptions {
        log_prob_threshold: Some(0.0),
        no_speech_threshold: None,
        temperature: vec![0.0, 0.2, 0.4],
        ..plain()
    };
    let model = Faulty::new(engine.model());
    let recordings = vec![jfk(); 4];
    let results = all(heard(&engine, &model, &recordings, &options, 4));
    assert!(results.iter().all(|result| result.segments.iter().all(|s| (s.temperature - 0.4).abs() < 1e-9)));
    assert_eq!(model.batches.into_inner(), [4], "one encoding serves all temperatures while all fail");
    assert_eq!(model.generations.get(), 3);
    let (passes, busy) = (engine.model().busy().first_passes(), engine.model().busy().so_far());
    assert_eq!((passes.audio_seconds, passes.count), (120.0, 1));
    let computed = passes.computed_seconds / busy.native.as_secs_f64();
    assert!((0.05..0.95).contains(&computed), "what is tried again is no sign of a slow device: {computed}");
}

#[test]
fn the_few_that_fail_wait_for_each_other_and_the_others_stand() {
    let engine = engine("models/tiny.en");
    // One window each, all of them speech.
    let (jfk, meeting) = (jfk(), meeting());
    let recordings = [&jfk[..], &jfk[3 * RATE..6 * RATE], &meeting[2 * RATE..9 * RATE], &jfk[..5 * RATE]]
        .map(<[i16]>::to_vec);
    let base = TranscribeOptions { no_speech_threshold: None, temperature: vec![0.0], ..plain() };
    let first = all(heard(&engine, engine.model(), &recordings, &base, 8));
    let mut logprobs: Vec<f64> = first.iter().map(|recording| recording.segments[0].avg_logprob).collect();
    logprobs.sort_by(f64::total_cmp);
    // Between the two worst: exactly one of them fails at first.
    let threshold = f64::midpoint(logprobs[0], logprobs[1]);
    let options =
        TranscribeOptions { log_prob_threshold: Some(threshold), temperature: vec![0.0, 0.6], ..base };
    let model = Faulty::new(engine.model());
    let before = engine.model().busy().first_passes();
    let again = all(heard(&engine, &model, &recordings, &options, 8));
    assert_eq!(engine.model().busy().first_passes().count, before.count + 1);
    let mut n_again = 0;
    for (first, again) in first.iter().zip(&again) {
        if again.segments.iter().any(|segment| segment.temperature > 0.0) {
            n_again += 1;
        } else {
            same(first, again);
        }
    }
    assert_eq!(n_again, 1);
    assert_eq!(model.batches.borrow().last(), Some(&1), "only the one was encoded again");
}

fn words(transcription: &Transcription) -> Vec<(String, f64, f64)> {
    let segments = transcription.segments.iter();
    let words = segments.flat_map(|segment| segment.words.iter().flatten());
    words.map(|word| (word.word.clone(), word.start, word.end)).collect()
}

#[test]
fn words_in_a_batch_are_those_of_the_window_alone() {
    let engine = engine("models/tiny.en");
    let options = TranscribeOptions {
        mode: Mode::Batched,
        word_timestamps: true,
        temperature: vec![0.0],
        ..TranscribeOptions::default()
    };
    let recordings = neighbours();
    let alone = all(heard(&engine, engine.model(), &recordings, &options, 1));
    let beside = all(heard(&engine, engine.model(), &recordings, &options, 8));
    for (recording, (alone, beside)) in recordings.iter().zip(alone.iter().zip(&beside)) {
        same(alone, beside);
        let (alone, together) = (words(alone), words(beside));
        assert_eq!(alone.len(), together.len());
        let duration = recording.len() as f64 / RATE as f64;
        for ((word, start, end), (other, other_start, other_end)) in alone.iter().zip(&together) {
            assert_eq!(word, other);
            assert!((start - other_start).abs() < 0.03 && (end - other_end).abs() < 0.03, "{word}");
            assert!(
                *start >= 0.0 && start <= end && *end <= duration,
                "{word}: {start} to {end} of {duration}"
            );
        }
    }
    let texts: String = words(&alone[0]).into_iter().map(|(word, ..)| word).collect();
    assert_eq!(texts, text(&alone[0]), "the words are the text");
    let country = words(&alone[0]).into_iter().find(|(word, ..)| word.contains("country")).unwrap();
    assert!(country.1 > 5.0 && country.2 < 8.0, "{country:?}");
}

fn aligned() -> TranscribeOptions {
    TranscribeOptions {
        segment_times: SegmentTimes::Aligned,
        temperature: vec![0.0],
        ..TranscribeOptions::default()
    }
}

#[test]
fn aligned_segments_are_sentences_at_the_times_of_their_words() {
    let engine = engine("models/tiny.en");
    let recordings = [jfk(), jfk()[3 * RATE..6 * RATE].to_vec(), meeting()];
    let options = aligned();
    let alone = all(heard(&engine, engine.model(), &recordings, &options, 1));
    let beside = all(heard(&engine, engine.model(), &recordings, &options, 8));
    let with_words = TranscribeOptions { word_timestamps: true, ..options.clone() };
    let worded = all(heard(&engine, engine.model(), &recordings, &with_words, 8));
    for (alone, (beside, worded)) in alone.iter().zip(beside.iter().zip(&worded)) {
        assert!(alone.segments.iter().all(|segment| segment.words.is_none()), "nobody asked for words");
        let [alone, beside, worded] = [alone, beside, worded].map(|heard| &heard.segments);
        assert!(alone.len() == beside.len() && alone.len() == worded.len());
        for (alone, (beside, worded)) in alone.iter().zip(beside.iter().zip(worded)) {
            for other in [beside, worded] {
                assert_eq!(alone.text, other.text);
                assert!((alone.start - other.start).abs() < 0.03 && (alone.end - other.end).abs() < 0.03);
            }
        }
    }
    let without = TranscribeOptions {
        without_timestamps: true,
        segment_times: SegmentTimes::Generated,
        ..options.clone()
    };
    let plainly = all(heard(&engine, engine.model(), &recordings, &without, 8));
    assert_eq!(text(&alone[0]), text(&plainly[0]), "the model writes the same words");

    let said = [jfk(), vec![0; 3 * RATE], jfk()].concat();
    let twice = &all(heard(&engine, engine.model(), &[said], &options, 8))[0];
    assert_eq!(text(twice).matches("do for your country").count(), 2, "{}", text(twice));
    let second = twice.segments.iter().find(|segment| segment.start > 12.0).unwrap();
    // Its first word is said 0.3 s after the recording begins.
    assert!((second.start - 14.3).abs() < 0.5, "{:#?}", twice.segments);
    assert!(twice.segments.len() >= 2);
}

#[test]
fn aligned_text_that_was_cut_off_is_gone_on_with() {
    let engine = engine("models/tiny.en");
    let options = TranscribeOptions { max_new_tokens: Some(12), ..aligned() };
    let model = Faulty::new(engine.model());
    let cut = all(heard(&engine, &model, &[jfk()], &options, 8));
    assert!(model.batches.into_inner().len() > 1, "it was not cut off");
    // The last word is in less than a second, which is not heard again.
    assert!(text(&cut[0]).contains("ask what you can do for your"), "{}", text(&cut[0]));
}

#[test]
fn languages_are_found_in_the_batch_s_own_encoding_and_later_windows_take_them() {
    let engine = engine("models/base");
    let base = TranscribeOptions { temperature: vec![0.0], ..plain() };
    let recordings = vec![neighbours()[5].clone(), jfk(), jfk()[3 * RATE..6 * RATE].to_vec()];
    let model = Faulty::new(engine.model());
    let found = all(heard(&engine, &model, &recordings, &base, 8));
    assert_eq!(model.batches.borrow()[0], 4, "two windows of the first, and one of each other");
    for found in &found {
        assert_eq!(found.language, "en");
        assert!(found.language_probability > 0.3 && found.language_probability < 1.0, "{found:?}");
    }
    // Never certain, so both windows of the first are asked, and heard only then.
    let asking = TranscribeOptions {
        language_detection_threshold: 1.0,
        language_detection_segments: 2,
        ..base.clone()
    };
    let given = TranscribeOptions { language: Some("en".into()), ..base.clone() };
    let anew = TranscribeOptions { multilingual: true, ..base };
    let asked = all(heard(&engine, engine.model(), &recordings, &asking, 1));
    let given = all(heard(&engine, engine.model(), &recordings, &given, 8));
    let anew = all(heard(&engine, engine.model(), &recordings, &anew, 8));
    for (((found, asked), given), anew) in found.iter().zip(&asked).zip(&given).zip(&anew) {
        same(found, asked);
        same(found, given);
        same(found, anew);
        assert!((given.language_probability - 1.0).abs() < 1e-9);
    }
    let nothing = all(heard(&engine, engine.model(), &[Vec::new()], &asking, 8));
    assert_eq!((nothing[0].language.as_str(), nothing[0].language_probability), ("en", 0.0));
}
