//! Damaged recordings at random: whatever the bytes, the decoder's answer is samples or a reason, never a hang, a crash
//! of the worker or the end of it. A case that ever failed is kept beside this file and tried first.

use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use steno_worker::decode_audio::{Confine, DecodeLimits, DecodeRequest, Ffmpeg, Wanted, decode_audio};
use steno_worker::disposition::Disposition;

use crate::bench::opened;

const LIMITS: DecodeLimits = DecodeLimits { audio_seconds: 120, decode_seconds: 20, memory_bytes: 2 << 30 };

/// Real recordings, one a container.
const RECORDINGS: [&str; 5] = [
    "meeting room/ami-dev00-end.m4a",
    "meeting room/ami-dev00-start.mp3",
    "meeting room/ami-dev01.opus",
    "meeting room/telephone.wav",
    "jfk inaugural address.flac",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A change to a recording's bytes; places are parts of its length.
#[derive(Debug, Clone)]
enum Damage {
    Truncate(f64),
    Set(f64, Vec<u8>),
    Remove(f64, usize),
    Repeat(f64, usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |part: f64| (bytes.len() as f64 * part) as usize;
        match self {
            Self::Truncate(part) => bytes.truncate(place(*part)),
            Self::Set(part, new) => {
                let start = place(*part);
                for (byte, new) in bytes.iter_mut().skip(start).zip(new) {
                    *byte = *new;
                }
            }
            Self::Remove(part, n) => {
                let start = place(*part);
                bytes.drain(start..(start + n).min(bytes.len()));
            }
            Self::Repeat(part, n) => {
                let start = place(*part);
                let again = bytes[start..(start + n).min(bytes.len())].to_vec();
                bytes.splice(start..start, again);
            }
        }
    }
}

/// Places: half of them in the first hundredth, where headers are.
fn place() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..0.01, 0.0..1.0]
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        1 => place().prop_map(Damage::Truncate),
        4 => (place(), prop::collection::vec(any::<u8>(), 1..32)).prop_map(|(at, new)| Damage::Set(at, new)),
        1 => (place(), 1_usize..5000).prop_map(|(at, n)| Damage::Remove(at, n)),
        1 => (place(), 1_usize..5000).prop_map(|(at, n)| Damage::Repeat(at, n)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn damaged_recordings_give_samples_or_a_reason(
        recording in prop::sample::select(&RECORDINGS[..]),
        damage in prop::collection::vec(damage(), 1..6),
    ) {
        let mut bytes = std::fs::read(repository().join("samples").join(recording)).unwrap();
        damage.iter().for_each(|damage| damage.apply(&mut bytes));
        let spool = tempfile::tempdir().unwrap();
        let path = spool.path().join("recording");
        std::fs::write(&path, &bytes).unwrap();
        let began = Instant::now();
        let decoded = decode_audio(
            &DecodeRequest {
                path: &path,
                expected_seconds: None,
                wanted: Wanted::default(),
                ffmpeg: opened(),
                        spool: spool.path(),
                limits: LIMITS,
            },
            &mut |_| ControlFlow::Continue(()),
        );
        match decoded {
            Ok(audio) => {
                prop_assert!(!audio.pcm.is_empty() && audio.seconds() <= LIMITS.audio_seconds as f64);
                prop_assert_eq!(audio.pcm.read(0..usize::MAX).unwrap().len(), audio.pcm.len());
            }
            Err(error) => {
                let blamed = matches!(error.disposition(), Disposition::Poison | Disposition::Retry);
                prop_assert!(blamed, "the worker must go on after {error}");
                prop_assert!(!error.to_string().contains('\0'), "{error:?}");
            }
        }
        let limit = Duration::from_secs(LIMITS.decode_seconds + 10);
        prop_assert!(began.elapsed() < limit, "it outlived its own limit by ten seconds");
    }
}

/// Files that ask a decoder for something else than decoding: to read other files, to fetch from the network, to make
/// hours out of nothing.
#[test]
fn files_that_ask_for_more_than_decoding_get_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.wav");
    std::fs::copy(repository().join("samples/meeting room/telephone.wav"), &secret).unwrap();
    let secret = secret.display();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let playlists = [
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:{secret}\n#EXT-X-ENDLIST\n"),
        format!("#EXTM3U\n#EXTINF:5,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n"),
        format!("ffconcat version 1.0\nfile 'http://{address}/a.mp3'\n"),
        format!("ffconcat version 1.0\nfile 'concat:{secret}|tcp://{address}'\n"),
        format!(
            "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"http://{address}/key\"\n#EXTINF:5,\nfile:{secret}\n#EXT-X-ENDLIST\n"
        ),
        format!("ffconcat version 1.0\nfile '{secret}'\n"),
        format!("#!/bin/sh\ncat {secret}\n"),
        format!("<?xml version=\"1.0\"?><MPD><BaseURL>file:{secret}</BaseURL></MPD>"),
        format!("v=0\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\na=file:{secret}\n"),
    ];
    // Nor where the kernel confines nothing: ffmpeg itself is told to open nothing.
    let unconfined = Ffmpeg { confine: Confine::Not, ..opened().clone() };
    for (number, playlist) in playlists.iter().enumerate() {
        let path = folder.path().join(format!("{number}.mp3"));
        std::fs::write(&path, playlist).unwrap();
        for ffmpeg in [opened(), &unconfined] {
            let request = DecodeRequest {
                path: &path,
                expected_seconds: None,
                wanted: Wanted::default(),
                ffmpeg,
                spool: folder.path(),
                limits: LIMITS,
            };
            let error = decode_audio(&request, &mut |_| ControlFlow::Continue(()))
                .map(|audio| audio.seconds())
                .expect_err(playlist);
            assert_eq!(error.disposition(), Disposition::Poison, "{playlist}: {error}");
        }
    }
    let connected = listener.accept().map(|(_, from)| from);
    assert!(connected.is_err(), "it was connected to from {connected:?}");
}
