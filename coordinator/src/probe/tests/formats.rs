use steno_shared::recording::DurationSource::{self, Header, Size};

use super::files::{ffmpeg, probe_bytes};

/// One file: its name, how ffmpeg makes it, its length, what the probe may be off by, and who must tell it.
type Case = (&'static str, &'static str, f64, f64, DurationSource);

const SINE: &str = "-f lavfi -i sine=frequency=440:duration=12.345:sample_rate=44100";
/// Silence and noise by turns: bit rates vary as widely as they do.
const MIXED: &str = "-f lavfi -i aevalsrc='if(lt(mod(t\\,20)\\,10)\\,0\\,random(0)-0.5)':d=200:s=44100";
const VIDEO: &str = "-f lavfi -i testsrc=size=64x48:rate=10:duration=12.345 \
                     -f lavfi -i sine=frequency=440:duration=12.345 -shortest";

const SHORT: &[Case] = &[
    ("mulaw8k.wav", "-ar 8000 -c:a pcm_mulaw", 12.345, 0.001, Header),
    ("six.wav", "-ac 6", 12.345, 0.001, Header),
    ("192k.wav", "-ar 192000 -c:a pcm_s24le", 12.345, 0.001, Header),
    ("float.wav", "-c:a pcm_f32le", 12.345, 0.001, Header),
    ("adpcm.wav", "-c:a adpcm_ima_wav", 12.345, 0.1, Header),
    ("gsm-like.wav", "-c:a adpcm_ms -ar 8000", 12.345, 0.1, Header),
    ("mp3-in.wav", "-c:a libmp3lame", 12.345, 0.1, Header),
    ("rf64.wav", "-rf64 always", 12.345, 0.001, Header),
    ("x.w64", "-f w64", 12.345, 0.001, Header),
    ("x.aiff", "", 12.345, 0.001, Header),
    ("sowt.aifc", "-c:a pcm_s16le -f aiff", 12.345, 0.001, Header),
    ("x.caf", "", 12.345, 0.001, Header),
    ("alac.caf", "-c:a alac", 12.345, 0.1, Header),
    ("x.au", "", 12.345, 0.001, Header),
    ("mulaw.au", "-c:a pcm_mulaw -ar 8000", 12.345, 0.001, Header),
    ("x.flac", "", 12.345, 0.001, Header),
    ("cbr.mp3", "-c:a libmp3lame -b:a 128k", 12.345, 0.03, Header),
    ("vbr.mp3", "-c:a libmp3lame -q:a 2", 12.345, 0.03, Header),
    ("cbr-noxing.mp3", "-c:a libmp3lame -b:a 128k -write_xing 0", 12.345, 0.1, Header),
    ("vbr-noxing.mp3", "-c:a libmp3lame -q:a 2 -write_xing 0", 12.345, 0.1, Header),
    ("8k.mp3", "-c:a libmp3lame -ar 8000 -ac 1 -b:a 16k", 12.345, 0.1, Header),
    ("layer2.mp2", "-c:a mp2", 12.345, 0.1, Header),
    ("end.m4a", "-c:a aac", 12.345, 0.1, Header),
    ("start.m4a", "-c:a aac -movflags +faststart", 12.345, 0.1, Header),
    ("alac.m4a", "-c:a alac", 12.345, 0.1, Header),
    ("frag.mp4", "-c:a aac -movflags +frag_keyframe+empty_moov -frag_duration 1000000", 12.345, 0.1, Header),
    ("frag2.mp4", "-c:a aac -movflags +frag_keyframe -frag_duration 1000000", 12.345, 0.1, Header),
    (
        "frag-notrailer.mp4",
        "-c:a aac -movflags +frag_keyframe+empty_moov+skip_trailer -frag_duration 1000000",
        12.345,
        0.1,
        Header,
    ),
    ("dash.mp4", "-c:a aac -movflags +dash+global_sidx -frag_duration 1000000", 12.345, 0.1, Header),
    ("amr.3gp", "-c:a libopencore_amrnb -ar 8000 -ac 1", 12.345, 0.1, Header),
    ("x.opus", "-c:a libopus", 12.345, 0.03, Header),
    ("voice.opus", "-c:a libopus -b:a 12k -application voip", 12.345, 0.03, Header),
    ("x.ogg", "-c:a libvorbis", 12.345, 0.03, Header),
    ("flac.oga", "-c:a flac", 12.345, 0.03, Header),
    ("x.webm", "-c:a libopus", 12.345, 0.1, Header),
    ("x.mkv", "-c:a libvorbis", 12.345, 0.1, Header),
    ("pcm.mka", "-c:a pcm_s16le -f matroska", 12.345, 0.1, Header),
    ("live.webm", "-c:a libopus -f webm -live 1", 12.345, 0.1, Header),
    ("x.aac", "-c:a aac", 12.345, 0.1, Header),
    ("x.amr", "-c:a libopencore_amrnb -ar 8000 -ac 1", 12.345, 0.1, Header),
    ("x.wma", "-c:a wmav2", 12.345, 0.1, Header),
    ("x.ts", "-c:a aac -f mpegts", 12.345, 0.1, Header),
    ("x.avi", "-c:a pcm_s16le", 12.345, 0.1, Header),
];

const WITH_VIDEO: &[Case] = &[
    ("v.mp4", "-c:v mpeg4 -c:a aac", 12.345, 0.1, Header),
    ("v.mov", "-c:v mpeg4 -c:a aac", 12.345, 0.1, Header),
    ("v.mkv", "-c:v mpeg4 -c:a aac", 12.345, 0.1, Header),
    ("v.webm", "-c:v libvpx -c:a libopus", 12.345, 0.1, Header),
    ("v.avi", "-c:v mpeg4 -c:a libmp3lame", 12.345, 0.1, Header),
    ("v.wmv", "-c:v wmv2 -c:a wmav2", 12.345, 0.15, Header),
    ("v.ts", "-c:v mpeg2video -c:a mp2", 12.345, 0.1, Header),
    ("v.m2ts", "-c:v mpeg2video -c:a ac3", 12.345, 0.2, Header),
    ("v.ogv", "-c:v libtheora -c:a libvorbis", 12.345, 0.1, Header),
    ("v-frag.mp4", "-c:v mpeg4 -c:a aac -movflags +frag_keyframe+empty_moov", 12.345, 0.15, Header),
];

/// Long and uneven, without an index: an estimate, yet a good one.
const UNEVEN: &[Case] = &[
    ("uneven.mp3", "-c:a libmp3lame -q:a 4 -write_xing 0", 200.0, 60.0, Size),
    ("uneven.aac", "-c:a aac", 200.0, 60.0, Size),
    ("uneven-xing.mp3", "-c:a libmp3lame -q:a 4", 200.0, 0.1, Header),
];

fn check(input: &str, cases: &[Case]) {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (name, args, seconds, tolerance, told_by) in cases {
        let data = ffmpeg(folder.path(), &format!("{input} {args}"), name);
        let probed = probe_bytes(&data, name);
        let off = probed.probe.seconds - seconds;
        let line = format!(
            "{name:<20} {:>8} bytes, off {off:+.4} s, {:?} told, {} bytes in {} requests, {:?}",
            data.len(),
            probed.probe.seconds_from,
            probed.bytes_read,
            probed.requests,
            probed.probe.container,
        );
        println!("{line}");
        if off.abs() > *tolerance || probed.probe.seconds_from != *told_by {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_audio_format_tells_its_length() {
    check(SINE, SHORT);
}

#[test]
fn video_with_sound_tells_the_length_of_the_sound() {
    check(VIDEO, WITH_VIDEO);
}

#[test]
fn uneven_streams_without_an_index_are_sampled() {
    check(MIXED, UNEVEN);
}

#[test]
fn what_is_written_to_a_pipe_has_no_length_and_is_measured_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // Written to a pipe in shell's manner, ffmpeg cannot go back to fill in lengths.
    for (name, args, container) in [
        ("piped.wav", "", "wav"),
        ("piped.flac", "", "flac"),
        ("piped.webm", "-c:a libopus", "webm"),
        ("piped.mkv", "-c:a aac", "matroska"),
        ("piped.au", "", "au"),
        ("piped.aif", "", "aiff"),
        ("piped.mp3", "-c:a libmp3lame -q:a 2", "mp3"),
    ] {
        let path = folder.path().join(name);
        let out = std::process::Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/bin/ffmpeg"))
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
            .args(SINE.split_whitespace())
            .args(args.split_whitespace())
            .args(["-f", container, "pipe:1"])
            .output()
            .expect("cannot run .local/bin/ffmpeg; run make setup");
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        std::fs::write(path, &out.stdout).unwrap();
        let probed = probe_bytes(&out.stdout, name);
        println!("{name:<20} {:>8} bytes, {probed:?}", out.stdout.len());
        assert!(
            (probed.probe.seconds - 12.345).abs() < 0.1 && probed.probe.seconds_from == Header,
            "{name}: {probed:?}"
        );
    }
}

#[test]
fn a_wrong_extension_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let data = ffmpeg(folder.path(), SINE, "x.wav");
    for name in ["x.mp3", "x.webm", "x", "x.txt"] {
        let probed = probe_bytes(&data, name);
        assert!((probed.probe.seconds - 12.345).abs() < 0.001, "{name}: {probed:?}");
    }
}
