use std::sync::LazyLock;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use steno_shared::recording::DurationSource::{CutOff, Header, Size};

use super::files::{ffmpeg, probe_bytes};
use crate::probe::{FetchError, RangedReader, ReadBudget, probe};

const INPUT: &str = "-f lavfi -i anoisesrc=duration=3:amplitude=0.1:sample_rate=16000";

/// Files by their names, with what ffmpeg is told to make them.
const KINDS: [(&str, &str); 19] = [
    ("x.wav", ""),
    ("x.w64", "-f w64"),
    ("x.aiff", ""),
    ("x.caf", "-c:a alac"),
    ("x.au", ""),
    ("x.flac", ""),
    ("x.mp3", "-c:a libmp3lame"),
    ("x.m4a", "-c:a aac"),
    ("f.mp4", "-c:a aac -movflags +frag_keyframe+empty_moov -frag_duration 500000"),
    ("d.mp4", "-c:a aac -movflags +dash+global_sidx -frag_duration 500000"),
    ("x.opus", "-c:a libopus"),
    ("x.ogg", "-c:a libvorbis"),
    ("x.webm", "-c:a libopus -f webm -live 1"),
    ("x.mkv", "-c:a aac"),
    ("x.aac", "-c:a aac"),
    ("x.amr", "-c:a libopencore_amrnb -ar 8000 -ac 1"),
    ("x.wma", "-c:a wmav2"),
    ("x.ts", "-c:a aac -f mpegts"),
    ("x.avi", "-c:a mp2"),
];

/// Cut, flipped, blown up: nothing panics, nothing hangs, nothing reads over its budget.
#[test]
fn damaged_files_cost_no_more_than_sound_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(3);
    let started = std::time::Instant::now();
    let mut slowest = (std::time::Duration::ZERO, String::new());
    for (name, args) in KINDS {
        let whole = ffmpeg(folder.path(), &format!("{INPUT} {args}"), name);
        for round in 0..400 {
            let mut data = whole.clone();
            match round % 4 {
                0 => data.truncate(random.random_range(0..=whole.len())),
                1 => data.truncate(random.random_range(0..=whole.len().min(2000))),
                _ => {}
            }
            // Headers are at both ends.
            let flips = random.random_range(0..20);
            for _ in 0..flips {
                if data.is_empty() {
                    break;
                }
                let near = random.random_range(0..data.len().min(600));
                let at = if random.random() { near } else { data.len() - 1 - near };
                data[at] = if random.random() { 0xFF } else { random.random() };
            }
            let begun = std::time::Instant::now();
            probe_bytes(&data, name);
            if begun.elapsed() > slowest.0 {
                slowest = (begun.elapsed(), format!("{name} round {round}"));
            }
        }
    }
    println!("{:?} in all, slowest {slowest:?}", started.elapsed());
}

#[test]
fn pure_noise_behind_every_magic_number() {
    let mut random = StdRng::seed_from_u64(5);
    let magics: [&[u8]; 17] = [
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RIFF\0\0\0\0AVI LIST\0\0\0\0hdrl",
        b"FORM\0\0\0\0AIFC",
        b"caff\0\x01\0\0",
        b".snd",
        b"fLaC",
        b"OggS\0\x02",
        b"#!AMR\n",
        b"#!AMR-WB\n",
        b"\x1a\x45\xdf\xa3\xa3",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        b"\0\0\0\x08ftyp\0\0\0\0moov",
        b"\xff\xfb\x90",
        b"\xff\xf1\x50",
        b"ID3\x04\0\0\0\0\0\x01",
        b"riff\x2e\x91\xcf\x11",
        b"\0\0\0\x08moov\0\0\0\0mvex",
    ];
    for magic in magics {
        for round in 0..100 {
            let length = random.random_range(0..20_000);
            let small = round % 2 == 0;
            let noise = (0..length).map(|_| if small { random.random_range(0..4) } else { random.random() });
            let data: Vec<u8> = magic.iter().copied().chain(noise).collect();
            probe_bytes(&data, "x.bin");
        }
    }
}

#[test]
fn absurd_declarations_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = ffmpeg(folder.path(), INPUT, "x.flac");
    let mut absurd = whole.clone();
    // 2³⁶ − 1 samples: 50 days in a file of a few kilobytes.
    absurd[21] |= 0x0F;
    absurd[22..26].fill(0xFF);
    let probed = probe_bytes(&absurd, "x.flac");
    assert_eq!(probed.probe.seconds_from, Size);
    assert!(probed.probe.seconds < 60.0, "{probed:?}");

    let m4a = ffmpeg(folder.path(), &format!("{INPUT} -c:a aac"), "x.m4a");
    let mut absurd = m4a.clone();
    let mdhd = m4a.windows(4).position(|bytes| bytes == b"mdhd").unwrap();
    absurd[mdhd + 20..mdhd + 24].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF]);
    let probed = probe_bytes(&absurd, "x.m4a");
    assert!(probed.probe.seconds_from == Size && probed.probe.seconds < 60.0, "{probed:?}");

    // 8 bits, mono, one sample a second, and four thousand million of them: 136 years, of which ten seconds are there.
    let years = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x01\0\0\0\x01\0\0\0\x01\0\x08\0data\xff\xff\xff\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80";
    let probed = probe_bytes(years, "years.wav");
    assert!(probed.probe.seconds <= 10.0, "{probed:?}");
    // Nor is a rate below all that anybody records believed where the size is right.
    let mut sized = years.to_vec();
    sized[40..44].copy_from_slice(&10_u32.to_le_bytes());
    assert_eq!(probe_bytes(&sized, "years.wav").probe.seconds_from, Size, "8 bits a second are not credible");

    let mkv = ffmpeg(folder.path(), &format!("{INPUT} -c:a aac"), "x.mkv");
    let at = mkv.windows(3).position(|bytes| bytes == [0x44, 0x89, 0x88]).unwrap() + 3;
    for value in [f64::NAN, f64::INFINITY, -1.0, 1e300, 0.0] {
        let mut absurd = mkv.clone();
        absurd[at..at + 8].copy_from_slice(&value.to_be_bytes());
        let probed = probe_bytes(&absurd, "x.mkv");
        assert!(probed.probe.seconds < 60.0, "{value}: {probed:?}");
    }
}

#[test]
fn truncated_files_count_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for (name, args) in [
        ("x.wav", ""),
        ("x.aiff", ""),
        ("x.caf", ""),
        ("x.au", ""),
        ("x.mp3", "-b:a 128k"),
        ("x.opus", "-b:a 48k"),
    ] {
        let input = "-f lavfi -i anoisesrc=duration=60:amplitude=0.1:sample_rate=16000";
        let whole = ffmpeg(folder.path(), &format!("{input} {args}"), name);
        let probed = probe_bytes(&whole[..whole.len() / 2], name);
        assert!((probed.probe.seconds - 30.0).abs() < 3.0, "{name}: {probed:?}");
        let said = if matches!(name, "x.wav" | "x.mp3") { CutOff } else { Header };
        assert_eq!(probed.probe.seconds_from, said, "{name}");
    }
    // The moov is gone with the end.
    let whole = ffmpeg(folder.path(), &format!("{INPUT} -c:a aac"), "x.m4a");
    assert_eq!(probe_bytes(&whole[..whole.len() / 2], "x.m4a").probe.seconds_from, Size);
}

#[test]
fn empty_files_and_text_have_an_estimate() {
    for name in ["empty.mp3", "empty.wav", "empty"] {
        let probed = probe_bytes(b"", name);
        assert_eq!(
            (probed.probe.seconds, probed.probe.seconds_from, probed.requests),
            (0.0, Size, 0),
            "{name}"
        );
    }
    let text = "this is text, whatever its name says\n".repeat(1000);
    let probed = probe_bytes(text.as_bytes(), "text.mp3");
    assert_eq!((probed.probe.seconds_from, probed.probe.container), (Size, None));
}

#[test]
fn a_panic_costs_the_length_and_nothing_else() {
    let mut reader = RangedReader::new(16_000, ReadBudget::default(), |_| panic!("on purpose"));
    let found = probe(&mut reader, "x.mp3");
    assert_eq!((found.seconds, found.seconds_from), (1.0, Size));
}

#[test]
fn a_store_that_fails_is_told_of() {
    let failure = FetchError("no answer".to_owned());
    let mut reader = RangedReader::new(16_000, ReadBudget::default(), |_| Err(failure.clone()));
    let found = probe(&mut reader, "x.mp3");
    assert_eq!((found.seconds, found.seconds_from, found.unreadable), (1.0, Size, Some(failure.clone())));
}

/// Small real files, one a container, made once.
static SEEDS: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let short = "-f lavfi -i anoisesrc=duration=0.2:amplitude=0.1:sample_rate=8000 -ac 1";
    let made = |(name, args): &(&'static str, &str)| {
        (*name, ffmpeg(folder.path(), &format!("{short} {args}"), name))
    };
    KINDS.iter().map(made).collect()
});

/// What is done to a file: where, as parts of its length, half of them among its headers.
fn damage() -> impl Strategy<Value = (f64, Vec<u8>)> {
    let at = prop_oneof![2 => 0.0..0.1, 1 => 0.9..1.0, 1 => 0.0..1.0];
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..9),
        Just(vec![0xff; 4]),
        Just(vec![0; 8]),
        Just(vec![0x7f, 0xff, 0xff, 0xff]),
    ];
    (at, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

    /// The reader checks budget and bounds of each probe.
    #[test]
    fn fuzz_probe(kind in 0..KINDS.len(), damage in prop::collection::vec(damage(), 0..6), kept in prop_oneof![3 => Just(1.0), 1 => 0.0..1.0]) {
        let (name, whole) = &SEEDS[kind];
        let mut data = whole.clone();
        data.truncate((data.len() as f64 * kept) as usize);
        for (at, bytes) in damage {
            let at = (data.len() as f64 * at) as usize;
            for (byte, new) in data.iter_mut().skip(at).zip(bytes) {
                *byte = new;
            }
        }
        probe_bytes(&data, name);
    }
}
