//! Odd and bad recordings, made by the real ffmpeg.

use std::ops::ControlFlow;
use std::path::Path;

use steno_worker::decode_audio::{DecodeError, DecodeLimits, DecodeRequest, Wanted, decode_audio};
use steno_worker::disposition::Disposition;

use crate::bench::{Bench, LIMITS, assert_whole, decode, decode_with, jfk, samples, script};

#[test]
fn odd_forms_of_speech_decode_whole() {
    let bench = Bench::new();
    let input = ["-i", jfk()];
    let made = |name: &str, args: &[&str]| bench.make(name, &[&input[..], args].concat());
    assert_whole(Path::new(jfk()), 11.0);
    assert_whole(&made("mulaw.wav", &["-ar", "8000", "-c:a", "pcm_mulaw"]), 11.0);
    assert_whole(&made("six.flac", &["-ac", "6"]), 11.0);
    assert_whole(&made("192k.wav", &["-ar", "192000"]), 11.0);
    assert_whole(&made("moov-at-the-end.m4a", &["-c:a", "aac"]), 11.0);
    assert_whole(&made("speech.ogg", &["-c:a", "flac", "-f", "ogg"]), 11.0);
    let mp3 = made("speech.mp3", &["-c:a", "libmp3lame"]);
    assert_whole(&mp3, 11.0);
    for name in ["mp3-named.wav", "-i", "concat:a|b.mp3", "new\nline.mp3", "%d.mp3", "http:x.mp3"] {
        let path = bench.0.path().join(name);
        std::fs::copy(&mp3, &path).unwrap();
        assert_whole(&path, 11.0);
    }
}

#[test]
fn silence_decodes_to_silence() {
    let bench = Bench::new();
    let silent = bench.make("silent.wav", &["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "2"]);
    let audio = decode(&silent).unwrap();
    assert_eq!(samples(&audio), vec![0; 32_000]);
}

#[test]
fn what_is_no_recording_is_poison_and_says_why() {
    let bench = Bench::new();
    let film = bench.make("film.mp4", &["-f", "lavfi", "-i", "color=size=64x64:rate=5", "-t", "1", "-an"]);
    let header = bench.make("header.wav", &["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "0"]);
    let whole = bench.make("whole.m4a", &["-i", jfk(), "-c:a", "aac"]);
    let cases = [
        (bench.write("empty.mp3", b""), "empty (0 bytes)"),
        (bench.write("text.mp3", b"Dear all,\nthe meeting is on Monday.\n"), "not a recording"),
        (film, "no audio stream"),
        (header, "not one sample"),
        (bench.truncate(&whole, 0.5), "cut off before its index"),
    ];
    for (path, words) in cases {
        let error = decode(&path).expect_err(&path.display().to_string());
        assert!(error.to_string().contains(words), "{}: {error}", path.display());
        assert_eq!(error.disposition(), Disposition::Poison, "{error}");
    }
}

#[test]
fn a_cut_off_recording_keeps_what_decodes_and_says_so() {
    let bench = Bench::new();
    for (name, args) in [
        ("a.wav", &["-i", jfk()][..]),
        ("a.flac", &["-i", jfk()]),
        ("a.mp3", &["-i", jfk(), "-c:a", "libmp3lame"]),
        ("a.m4a", &["-i", jfk(), "-c:a", "aac", "-movflags", "+faststart"]),
    ] {
        let cut = bench.truncate(&bench.make(name, args), 0.5);
        let audio = decode_with(&cut, LIMITS, Some(11.0)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!((4.0..7.0).contains(&audio.seconds()), "{name}: {} s", audio.seconds());
        let warnings = audio.warnings.join("\n");
        assert!(warnings.contains("cut off: the header tells 11.0 s"), "{name}: {warnings}");
        println!("{name}: {warnings}");
    }
}

#[test]
fn noise_in_the_middle_gives_a_warning() {
    let bench = Bench::new();
    let path = bench.make("a.flac", &["-i", jfk()]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4000].fill(0x55);
    let audio = decode(&bench.write("noisy.flac", &bytes)).unwrap();
    assert!(audio.seconds() > 9.0);
    assert!(audio.warnings[0].starts_with("damaged: "), "{:?}", audio.warnings);
    assert!(!audio.warnings[0].contains("0x"), "addresses differ from run to run: {:?}", audio.warnings);
}

/// Playlists are formats to ffmpeg: without care a recording that is one reads other files of the machine.
#[test]
fn a_playlist_named_mp3_opens_nothing() {
    let bench = Bench::new();
    let secret = bench.make("secret.wav", &["-i", jfk()]);
    let url = format!("file:{}", secret.display());
    let hls = format!("#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXTINF:11,\n{url}\n#EXT-X-ENDLIST\n");
    let dash = format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"PT11S\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period>\
         <AdaptationSet mimeType=\"audio/wav\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>{url}</BaseURL>\
         </Representation></AdaptationSet></Period></MPD>"
    );
    let cases = [
        ("concat.mp3", format!("ffconcat version 1.0\nfile {}\n", secret.display())),
        ("relative.mp3", "ffconcat version 1.0\nfile secret.wav\n".to_owned()),
        ("says what ends a worker.mp3", "ffconcat version 1.0\nfile 'Protocol not found'\n".to_owned()),
        ("hls.mp3", hls.clone()),
        ("hls.m3u8", hls),
        ("dash.mp3", dash),
    ];
    for (name, text) in cases {
        let error = decode(&bench.write(name, text.as_bytes())).expect_err(name);
        assert_eq!(error.disposition(), Disposition::Poison, "{name}: {error}");
        println!("{name}: {error}");
    }
}

#[test]
fn limits_hold() {
    let bench = Bench::new();
    let long = bench.make("long.wav", &["-f", "lavfi", "-i", "sine=r=8000", "-t", "30"]);
    let short = DecodeLimits { audio_seconds: 29, ..LIMITS };
    let error = decode_with(&long, short, None).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { limit_seconds: 29 }), "{error}");
    decode_with(&long, DecodeLimits { audio_seconds: 30, ..LIMITS }, None).unwrap();

    let no_time = DecodeLimits { decode_seconds: 0, ..LIMITS };
    let error = decode_with(&long, no_time, None).unwrap_err();
    assert!(matches!(error, DecodeError::TooSlow { .. }), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry);
}

#[test]
fn it_stops_on_request() {
    let bench = Bench::new();
    let long = bench.make("long.wav", &["-f", "lavfi", "-i", "sine=r=8000", "-t", "30"]);
    // A decoder that never says anything, so that only the callback can end it.
    let mute = bench.write("mute", b"#!/bin/sh\nexec sleep 600\n");
    std::fs::set_permissions(&mute, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let request = DecodeRequest {
        path: &long,
        expected_seconds: None,
        wanted: Wanted::default(),
        ffmpeg: &script(mute),
        spool: &std::env::temp_dir(),
        limits: LIMITS,
    };
    let error = decode_audio(&request, &mut |_| ControlFlow::Break(())).unwrap_err();
    assert_eq!(error.disposition(), Disposition::Interrupted, "{error}");
}

#[test]
fn a_missing_program_or_recording_is_not_the_recording_s_fault() {
    let request = DecodeRequest {
        path: Path::new(jfk()),
        expected_seconds: None,
        wanted: Wanted::default(),
        ffmpeg: &script("/nonexistent/ffmpeg".into()),
        spool: &std::env::temp_dir(),
        limits: LIMITS,
    };
    let error = decode_audio(&request, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("cannot run the decoder /nonexistent/ffmpeg"), "{error}");
    assert_eq!(error.disposition(), Disposition::Fatal);
    let error = decode(Path::new("/nonexistent/a.mp3")).unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry, "{error}");
}

/// A decoder prints its environment as a message: nothing of the worker's may be in it.
#[test]
fn the_decoder_sees_no_environment() {
    let bench = Bench::new();
    let spy = bench.write("spy", b"#!/bin/sh\nexec /usr/bin/env >&2\n");
    std::fs::set_permissions(&spy, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo sets this: the worker's environment");
    let request = DecodeRequest {
        path: Path::new(jfk()),
        expected_seconds: None,
        wanted: Wanted::default(),
        ffmpeg: &script(spy),
        spool: &std::env::temp_dir(),
        limits: LIMITS,
    };
    let error = decode_audio(&request, &mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
    // The first line that env prints; the shell itself sets PWD and the like.
    assert!(error.contains("PWD=") || error.contains("_=") || error.contains("SHLVL="), "{error}");
    assert!(!error.contains("CARGO") && !error.contains("LD_LIBRARY_PATH"), "{error}");
}
