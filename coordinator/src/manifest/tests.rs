//! Against a real folder; buckets pass the storage layer's conformance suite.

use std::fs;
use std::path::Path;

use steno_shared::recording::{DurationSource, Recording};
use steno_shared::storage::{Location, S3Config, Store};

use super::*;

/// One second of silence at 8 kHz.
fn wav() -> Vec<u8> {
    let mut bytes =
        b"RIFF\x24\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0"
            .to_vec();
    bytes.resize(44 + 8000, 0x80);
    bytes
}

async fn store(folder: &Path) -> Store {
    Store::open(&Location::Folder(folder.to_owned()), &S3Config::default()).await.unwrap()
}

async fn written(store: &Store) -> (String, Summary) {
    let mut out = Vec::new();
    let mut seen = 0;
    let summary = write_manifest(store, &mut out, |_, _| seen += 1).await.unwrap();
    assert_eq!(seen, summary.recordings + summary.others + summary.lost);
    (String::from_utf8(out).unwrap(), summary)
}

fn fill(folder: &Path) {
    fs::create_dir_all(folder.join("deep/er")).unwrap();
    for (name, data) in [
        ("a.wav", wav()),
        ("deep/er/wrong.mp3", wav()),
        ("deep/no-extension", wav()),
        ("new\nline.wav", wav()),
        ("empty.mp3", Vec::new()),
        ("text.mp3", b"text".to_vec()),
        ("notes", b"text".to_vec()),
        ("empty", Vec::new()),
        ("a.wav.json", b"{}".to_vec()),
        (".hidden.wav", wav()),
        ("cover.jpg", b"\xff\xd8\xff\xe0".to_vec()),
    ] {
        fs::write(folder.join(name), data).unwrap();
    }
}

#[tokio::test]
async fn a_folder_becomes_json_lines_that_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let store = store(folder.path()).await;
    let (lines, summary) = written(&store).await;
    let recordings: Vec<Recording> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut names: Vec<_> = recordings.iter().map(|recording| recording.name.as_str()).collect();
    names.sort_unstable();
    let expected =
        ["a.wav", "deep/er/wrong.mp3", "deep/no-extension", "empty.mp3", "new\nline.wav", "text.mp3"];
    assert_eq!(names, expected);
    for recording in &recordings {
        let is_wav = recording.size_bytes == 8044;
        let told_by = if is_wav { DurationSource::Header } else { DurationSource::Size };
        assert_eq!(recording.seconds_from, told_by, "{recording:?}");
        assert!(!is_wav || recording.seconds == 1.0, "{recording:?}");
    }
    assert_eq!((summary.recordings, summary.estimated, summary.unreadable, summary.lost), (6, 2, 0, 0));

    let read = read_manifest(&store, lines.as_bytes(), "manifest.jsonl").await.unwrap();
    assert_eq!(read, ReadManifest { recordings, ..ReadManifest::default() });
}

#[tokio::test]
async fn a_plain_list_of_names_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let store = store(folder.path()).await;
    let absolute = folder.path().join("text.mp3").display().to_string();
    let text = format!(
        "\u{feff}a.wav\r\n\r\ndeep/er/wrong.mp3\n{absolute}\n{{\"name\":\"deep/no-extension\"}}\na.wav"
    );
    let read = read_manifest(&store, text.as_bytes(), "manifest.txt").await.unwrap();
    let names: Vec<_> = read.recordings.iter().map(|recording| recording.name.as_str()).collect();
    assert_eq!(names, ["a.wav", "deep/er/wrong.mp3", "text.mp3", "deep/no-extension"]);
    assert_eq!(read.recordings[1].seconds, 1.0);
    assert_eq!(read.notices, [Notice::Duplicate { name: "a.wav".to_owned(), line: 6 }]);
}

#[tokio::test]
async fn names_that_are_missing_and_lines_that_are_none_stop_everything() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let store = store(folder.path()).await;
    let read = async |text: &str| read_manifest(&store, text.as_bytes(), "manifest.txt").await.unwrap_err();

    let many: String = (0..12).map(|index| format!("gone{index}.mp3\n")).collect();
    let error = read(&format!("a.wav\n{many}")).await;
    assert!(matches!(error, ManifestError::Missing { count: 12, .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("\"gone0.mp3\" (line 2)") && !message.contains("gone10"), "{message}");

    let message = read("a.wav\n\n/elsewhere/b.wav\n").await.to_string();
    assert!(
        message.starts_with("failed to read manifest.txt line 3: \"/elsewhere/b.wav\" is not in "),
        "{message}"
    );

    let error = read("a.wav\n../b.wav\n").await;
    assert_eq!(error.exit(), steno_shared::exit::Exit::Usage);
    let message = error.to_string();
    assert!(
        message.starts_with("failed to read manifest.txt line 2: ") && message.contains("`..`"),
        "{message}"
    );
}
