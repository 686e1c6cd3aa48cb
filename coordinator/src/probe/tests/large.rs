use super::files::{ffmpeg, probe_bytes};

/// Each of these is tens of megabytes; a probe looks at a fraction.
#[test]
fn large_files_cost_a_few_requests() {
    let folder = tempfile::tempdir().unwrap();
    let noise = "-f lavfi -i anoisesrc=duration=200:amplitude=0.5:sample_rate=48000 -ac 2";
    for (name, args, most) in [
        ("large.wav", "", 64 * 1024),
        ("large.flac", "", 64 * 1024),
        ("large-end.mov", "-c:a pcm_s16le", 256 * 1024),
        ("large.mkv", "-c:a pcm_s16le", 256 * 1024),
        ("large.caf", "", 256 * 1024),
        ("large.ogg", "-c:a flac", 256 * 1024),
    ] {
        let data = ffmpeg(folder.path(), &format!("{noise} {args}"), name);
        assert!(data.len() > 15_000_000, "{name} has only {} bytes", data.len());
        let probed = probe_bytes(&data, name);
        println!("{name:<20} {:>9} bytes: {} in {} requests", data.len(), probed.bytes_read, probed.requests);
        assert!((probed.probe.seconds - 200.0).abs() < 0.1, "{name}: {probed:?}");
        assert!(probed.bytes_read <= most && probed.requests <= 6, "{name}: {probed:?}");
    }
}

/// An hour of thin audio: half of the file is sample tables, which are stepped over.
#[test]
fn long_recordings_cost_a_few_requests() {
    let folder = tempfile::tempdir().unwrap();
    let hour = "-f lavfi -i anullsrc=sample_rate=8000:channel_layout=mono -t 3600";
    for (name, args) in [
        ("hour.m4a", "-c:a aac -b:a 8k"),
        ("hour-start.m4a", "-c:a aac -b:a 8k -movflags +faststart"),
        ("hour.opus", "-c:a libopus -b:a 6k -application voip"),
    ] {
        let data = ffmpeg(folder.path(), &format!("{hour} {args}"), name);
        let probed = probe_bytes(&data, name);
        println!("{name:<20} {:>9} bytes: {} in {} requests", data.len(), probed.bytes_read, probed.requests);
        assert!((probed.probe.seconds - 3600.0).abs() < 0.5, "{name}: {probed:?}");
        assert!(probed.bytes_read <= 384 * 1024 && probed.requests <= 6, "{name}: {probed:?}");
    }
}

/// Cover art of 5 MB before the audio is stepped over.
#[test]
fn cover_art_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let sine = "-f lavfi -i sine=frequency=440:duration=60:sample_rate=44100";
    let mp3 = ffmpeg(folder.path(), &format!("{sine} -c:a libmp3lame -b:a 64k"), "x.mp3");
    let flac = ffmpeg(folder.path(), sine, "x.flac");
    let size: u32 = 5_000_000;
    let tag_size =
        [size >> 21 & 0x7F, size >> 14 & 0x7F, size >> 7 & 0x7F, size & 0x7F].map(|byte| byte as u8);
    let mut id3 = b"ID3\x03\0\0".to_vec();
    id3.extend(tag_size);
    // Bytes that look like frames all over.
    id3.extend(b"\xff\xfb\x90\x64".iter().cycle().take(size as usize));
    for (name, audio) in [("art.mp3", mp3), ("art.flac", flac)] {
        let data = [id3.as_slice(), &audio].concat();
        let probed = probe_bytes(&data, name);
        println!("{name:<20} {:>9} bytes: {} in {} requests", data.len(), probed.bytes_read, probed.requests);
        assert!((probed.probe.seconds - 60.0).abs() < 0.1, "{name}: {probed:?}");
        assert!(probed.bytes_read < 300_000, "{name}: {probed:?}");
    }
}
