//! Recordings that want more than to be decoded, and what holds a decoder that a recording has taken over.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use steno_worker::decode_audio::{
    Confine, DecodeError, DecodeLimits, DecodeRequest, DecodedAudio, Ffmpeg, Wanted, decode_audio,
};
use steno_worker::disposition::Disposition;

use crate::bench::{Bench, LIMITS, assert_whole, decode, decode_with, jfk, opened, script};

/// In place of ffmpeg, what a flaw in it would let somebody try. Each try that works is said in one sample.
const TAKEN_OVER: &str = r#"#!/bin/bash
printf '..'
read -r line <SECRET && printf 'RR'
: >WRITE && printf 'WW'
exec 5<>/dev/tcp/127.0.0.1/PORT && printf 'NN'
kill -0 $PPID && printf 'KK'
ulimit -n 9 && printf 'LL'
x=$(printf 'FF'); printf "$x"
"#;

/// What was tried with success, a letter each.
fn tries(confine: impl FnOnce(PathBuf) -> Confine) -> String {
    let bench = Bench::new();
    let secret = bench.write("secret", b"theirs\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let written = bench.0.path().join("written");
    let script_text = TAKEN_OVER
        .replace("SECRET", &secret.display().to_string())
        .replace("WRITE", &written.display().to_string())
        .replace("PORT", &listener.local_addr().unwrap().port().to_string());
    let program = bench.write("ffmpeg", script_text.as_bytes());
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ffmpeg = Ffmpeg { confine: confine(program.clone()), ..script(program) };
    let request = DecodeRequest {
        path: Path::new(jfk()),
        expected_seconds: None,
        wanted: Wanted::default(),
        ffmpeg: &ffmpeg,
        spool: bench.0.path(),
        limits: LIMITS,
    };
    let audio = decode_audio(&request, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    let said: String =
        samples(&audio).into_iter().map(|sample| char::from(sample.to_le_bytes()[0])).collect();
    assert_eq!(said.contains('W'), written.exists(), "{said}");
    listener.set_nonblocking(true).unwrap();
    match listener.accept() {
        Ok(_) => assert!(said.contains('N'), "it connected, and did not say so"),
        Err(error) => assert!(error.kind() == ErrorKind::WouldBlock && !said.contains('N'), "{error} {said}"),
    }
    said
}

fn samples(audio: &DecodedAudio) -> Vec<i16> {
    audio.pcm.read(0..usize::MAX).unwrap()
}

/// The files of bash, as the worker finds those of ffmpeg.
fn files_of_bash() -> Vec<PathBuf> {
    let said = std::process::Command::new("ldd").arg("/bin/bash").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let mut files: Vec<PathBuf> =
        said.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect();
    files.extend(["/bin/bash", "/etc/ld.so.cache"].map(PathBuf::from));
    files
}

#[test]
fn a_decoder_that_was_taken_over_reads_writes_and_reaches_nothing() {
    let kernel: serde_json::Value = {
        let said = std::process::Command::new(env!("CARGO_BIN_EXE_steno-worker")).arg("confinement").output();
        serde_json::from_slice(&said.unwrap().stdout).unwrap()
    };
    // Without the guards all of it works.
    assert_eq!(tries(|_| Confine::Not), ".RWNKLF");
    if kernel["system_calls"] == true {
        assert_eq!(tries(|_| Confine::SystemCalls), ".RW");
    }
    if kernel["files"] == true && kernel["system_calls"] == true {
        let to_files = |program| Confine::ToFiles([files_of_bash(), vec![program]].concat());
        assert_eq!(tries(to_files), ".");
    }
    println!("this kernel: {kernel}");
}

#[test]
fn an_ffmpeg_that_is_a_script_runs_confined_as_far_as_it_can_be() {
    let bench = Bench::new();
    let wrapper = format!("#!/bin/bash\nexec '{}' \"$@\"\n", opened().program.display());
    let wrapper = bench.write("ffmpeg", wrapper.as_bytes());
    std::fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let wrapped = Ffmpeg::open(&wrapper, &opened().worker, bench.0.path()).unwrap();
    let expected = if opened().confine == Confine::Not { Confine::Not } else { Confine::SystemCalls };
    assert_eq!(wrapped.confine, expected);
}

/// What a program in ffmpeg's place comes to that the kernel confines in nothing but its limits: how it ended, and what it said. Longer
/// than any limit it is not waited for.
fn limited(script_text: &str, memory_bytes: u64, cpu_seconds: u64) -> (ExitStatus, String) {
    let bench = Bench::new();
    let program = bench.write("ffmpeg", format!("#!/bin/bash\n{script_text}\n").as_bytes());
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // As the worker starts it.
    let mut child = Command::new(env!("CARGO_BIN_EXE_steno-worker"))
        .arg("decode-audio")
        .args([u64::from(std::process::id()), memory_bytes, cpu_seconds, 60].map(|number| number.to_string()))
        .arg(&program)
        .arg("not")
        .stdin(std::fs::File::open(jfk()).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let ended = child.wait_with_output().unwrap();
    (ended.status, String::from_utf8(ended.stdout).unwrap())
}

const GIB: u64 = 1 << 30;

#[test]
fn a_decoder_is_held_to_its_memory() {
    let (status, said) = limited("printf -v text '%*s' 1200000000 '' && printf 'had it'", GIB, 60);
    assert!(!status.success() && said.is_empty(), "{status}, and said {said:?}");
    let (status, said) = limited("printf -v text '%*s' 1200000 '' && printf 'had it'", GIB, 60);
    assert!(status.success() && said == "had it", "{status}, and said {said:?}");
}

#[test]
fn a_decoder_is_held_to_its_processor_time() {
    let began = Instant::now();
    let (status, _) = limited("while :; do :; done", GIB, 1);
    assert!(began.elapsed().as_secs() < 50, "it went on");
    assert!(matches!(status.signal(), Some(9 | 24)), "{status}");
}

#[test]
fn a_decoder_opens_no_hundred_files() {
    let open = "n=0; while [ $n -lt 100 ] && exec {file}</dev/null; do n=$((n + 1)); done; printf $n";
    let (status, said) = limited(open, GIB, 60);
    let opened: u32 = said.parse().unwrap_or_default();
    assert!((10..64).contains(&opened), "{status}, and said {said:?}");
}

#[test]
fn a_decoder_writes_not_one_byte_to_a_file() {
    let bench = Bench::new();
    let written = bench.0.path().join("written");
    let (status, _) = limited(&format!("printf 'x' >'{}'", written.display()), GIB, 60);
    assert_eq!(std::fs::read(&written).unwrap(), b"", "{status}");
    assert!(!status.success(), "{status}");
}

/// That a recording costs no more than its limits, and is not taken for more than it is.
fn assert_bounded(path: &Path, what: &str) {
    let began = Instant::now();
    let decoded = decode(path);
    assert!(began.elapsed().as_secs() < LIMITS.decode_seconds + 10, "{what} outlived its limit");
    match decoded {
        Ok(audio) => assert!(audio.seconds() < 20.0, "{what}: {} s", audio.seconds()),
        Err(error) => assert_eq!(error.disposition(), Disposition::Poison, "{what}: {error}"),
    }
}

#[test]
fn lengths_that_are_declared_and_not_there_cost_nothing() {
    let bench = Bench::new();
    let jfk = std::fs::read(jfk()).unwrap();
    // 36 bits of samples, at 16 kHz some 50 days (RFC 9639, section 8.2).
    let mut flac = jfk.clone();
    flac[21] |= 0x0f;
    flac[22..26].fill(0xff);
    assert_bounded(&bench.write("declared.flac", &flac), "FLAC");

    let wav = std::fs::read(bench.make("speech.wav", &["-i", crate::bench::jfk(), "-t", "2"])).unwrap();
    let mut endless = wav.clone();
    endless[4..8].fill(0xff);
    let data = endless.windows(4).position(|four| four == b"data").unwrap();
    endless[data + 4..data + 8].fill(0xff);
    assert_bounded(&bench.write("declared.wav", &endless), "WAV");
    for (at, bytes, what) in [
        (22, &[0xff, 0xff][..], "65,535 channels"),
        (24, &[0xff; 4][..], "4 GHz"),
        (24, &[1, 0, 0, 0][..], "1 Hz"),
        (24, &[0; 4][..], "0 Hz"),
        (34, &[0xff, 0xff][..], "65,535 bits"),
    ] {
        let mut odd = wav.clone();
        odd[at..at + bytes.len()].copy_from_slice(bytes);
        assert_bounded(&bench.write("odd.wav", &odd), what);
    }

    // 8 bits, mono, one sample a second, and four thousand million of them: 136 years.
    for present in [10, 10_000] {
        let seconds = bench.write("years.wav", &years(present));
        assert_bounded(&seconds, &format!("136 years, of which {present} s are there"));
    }

    // Xing: the number of frames.
    let mut mp3 =
        std::fs::read(bench.make("speech.mp3", &["-i", crate::bench::jfk(), "-c:a", "libmp3lame"])).unwrap();
    let xing = mp3.windows(4).position(|four| four == b"Info" || four == b"Xing").unwrap();
    mp3[xing + 8..xing + 12].fill(0xff);
    assert_bounded(&bench.write("declared.mp3", &mp3), "MP3");

    // All counts of samples and durations of an index.
    let m4a = std::fs::read(bench.make("speech.m4a", &["-i", crate::bench::jfk(), "-c:a", "aac"])).unwrap();
    for (kind, skip, what) in [
        (b"mdhd", 16, "the track's duration"),
        (b"mvhd", 16, "the film's duration"),
        (b"stts", 8, "the number of runs of samples"),
        (b"stts", 12, "the samples of the first run"),
        (b"stsz", 12, "the number of samples"),
        (b"stsc", 8, "the number of runs of chunks"),
        (b"stco", 8, "the number of chunks"),
    ] {
        let mut declared = m4a.clone();
        let at = declared.windows(4).position(|four| four == kind).unwrap() + skip;
        declared[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        assert_bounded(&bench.write("declared.m4a", &declared), what);
    }
}

/// A WAVE file of one byte a second that declares all that its header can, and has so many bytes.
fn years(present: usize) -> Vec<u8> {
    let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x01\0\0\0\x01\0\0\0\x01\0\x08\0data\xff\xff\xff\xff".to_vec();
    wav.resize(wav.len() + present, 0x80);
    wav
}

/// A megabyte that is hours of silence: it ends at the limit, whatever is behind it.
#[test]
fn a_bomb_goes_off_at_the_limit() {
    let bench = Bench::new();
    let silence = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "14400"];
    let bomb = bench.make("bomb.flac", &silence);
    let bytes = bomb.metadata().unwrap().len();
    assert!(bytes < 2_000_000, "{bytes} bytes are no bomb");
    let limits = DecodeLimits { audio_seconds: 600, ..LIMITS };
    let error = decode_with(&bomb, limits, None).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { limit_seconds: 600 }), "{error}");
    assert_eq!(error.disposition(), Disposition::Poison);
}

#[test]
fn ten_thousand_streams_are_one_recording_or_none() {
    let bench = Bench::new();
    let m4a = std::fs::read(bench.make("speech.m4a", &["-i", jfk(), "-c:a", "aac"])).unwrap();
    let of = |bytes: &[u8], kind: &[u8; 4]| {
        let at = bytes.windows(4).position(|four| four == kind).unwrap() - 4;
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        at..at + size
    };
    let (moov, trak) = (of(&m4a, b"moov"), of(&m4a, b"trak"));
    let track = m4a[trak.clone()].to_vec();
    let number = track.windows(4).position(|four| four == b"tkhd").unwrap() + 16;
    let mut many = m4a[..trak.end].to_vec();
    for id in 2..=10_000_u32 {
        let mut copy = track.clone();
        copy[number..number + 4].copy_from_slice(&id.to_be_bytes());
        many.extend(copy);
    }
    let added = many.len() - trak.end;
    many.extend_from_slice(&m4a[trak.end..]);
    let size = u32::try_from(moov.len() + added).unwrap();
    many[moov.start..moov.start + 4].copy_from_slice(&size.to_be_bytes());
    assert!(moov.start > of(&m4a, b"mdat").start, "sound before its index stays where it was");
    assert_bounded(&bench.write("many.m4a", &many), "10,000 tracks");
}

#[test]
fn pictures_beside_the_sound_are_passed_over() {
    let bench = Bench::new();
    let picture = bench.make("cover.png", &["-f", "lavfi", "-i", "testsrc=s=4000x4000", "-frames:v", "1"]);
    let picture = picture.to_str().unwrap();
    let with = [
        "-i",
        jfk(),
        "-i",
        picture,
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-c:v",
        "copy",
        "-disposition:v",
        "attached_pic",
    ];
    for (name, codec) in [("cover.mp3", "libmp3lame"), ("cover.m4a", "aac"), ("cover.flac", "flac")] {
        assert_whole(&bench.make(name, &[&with[..], &["-c:a", codec]].concat()), 11.0);
    }
    // A picture that says it is larger than any memory.
    let mut hostile = std::fs::read(bench.0.path().join("cover.flac")).unwrap();
    let header = hostile.windows(4).position(|four| four == b"IHDR").unwrap() + 4;
    hostile[header..header + 8].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let audio = decode(&bench.write("hostile cover.flac", &hostile)).unwrap();
    assert!((audio.seconds() - 11.0).abs() < 0.1, "{} s", audio.seconds());
}
