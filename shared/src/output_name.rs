//! Names of transcripts: readable, never colliding, safe as a path and as an S3 key.

use sha2::{Digest, Sha256};

use crate::fingerprint::hex;

/// Longest path segment written, in bytes; file systems and some S3 servers refuse more than 255, and a
/// temporary file's prefix needs room beside it.
const SEGMENT_BYTES_MAX: usize = 200;

/// The key of a recording's transcript, relative to the output: the recording's whole name, extension included,
/// plus the format's extension. `a/b.mp3` gives `a/b.mp3.json`, so `a/b.wav` cannot collide with it.
///
/// The name is hostile. What would escape from the output or be read differently by some store is escaped with
/// `%XX`: control characters, `\`, the segments `.` and `..`, leading and doubled slashes, and a `%` that already
/// stands before two hexadecimal digits. The mapping is one to one. A segment over 200 bytes is cut and carries a
/// hash of the whole, and so does one that ends as if it were cut.
#[must_use]
pub fn transcript_key(recording_name: &str, extension: &str) -> String {
    let mut segments: Vec<String> = Vec::new();
    let mut pending_slashes = String::new();
    let pieces: Vec<&str> = recording_name.split('/').collect();
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        if piece.is_empty() && !last {
            pending_slashes.push_str("%2F");
            continue;
        }
        segments.push(std::mem::take(&mut pending_slashes) + &escape_segment(piece));
    }
    let mut key = String::with_capacity(recording_name.len() + extension.len() + 1);
    let count = segments.len();
    for (index, segment) in segments.into_iter().enumerate() {
        let suffix = if index + 1 == count { format!(".{extension}") } else { String::new() };
        key.push_str(&shorten(segment, suffix.len()));
        key.push_str(&suffix);
        if index + 1 < count {
            key.push('/');
        }
    }
    key
}

fn escape_segment(segment: &str) -> String {
    match segment {
        "." => return "%2E".to_owned(),
        ".." => return "%2E%2E".to_owned(),
        _ => {}
    }
    let bytes = segment.as_bytes();
    let mut out = String::with_capacity(segment.len());
    for (at, c) in segment.char_indices() {
        let is_escape = c == '%'
            && bytes.get(at + 1).is_some_and(u8::is_ascii_hexdigit)
            && bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit);
        if c.is_control() || c == '\\' || is_escape {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn shorten(segment: String, suffix_bytes: usize) -> String {
    if segment.len() + suffix_bytes <= SEGMENT_BYTES_MAX && !looks_shortened(&segment) {
        return segment;
    }
    let digest = hex(&Sha256::digest(segment.as_bytes())[..8]);
    let room = (SEGMENT_BYTES_MAX - suffix_bytes - digest.len() - 1).min(segment.len());
    let cut = (0..=room).rev().find(|&at| segment.is_char_boundary(at)).unwrap_or(0);
    format!("{}~{digest}", &segment[..cut])
}

/// Whether a name ends as a shortened one does: it gets a hash of its own then, so that it cannot pass for another.
fn looks_shortened(segment: &str) -> bool {
    segment
        .rsplit_once('~')
        .is_some_and(|(_, end)| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn plain_names_stay_as_they_are() {
        assert_eq!(transcript_key("a/b c+d.mp3", "json"), "a/b c+d.mp3.json");
        assert_eq!(transcript_key("100% sûr.wav", "srt"), "100% sûr.wav.srt");
    }

    #[test]
    fn hostile_names_stay_inside_and_apart() {
        let names = [
            "../x.mp3", "..", ".", "x", "/x", "//x", "a//x", "a/x", "a/./x", "a/../x", "a\nb", "a%0Ab",
            "a%250Ab", "%2Fx", "a\\b", "a%5Cb", "", "/", "a/", "%", "%2", "%zz",
        ];
        let keys: BTreeSet<String> = names.iter().map(|name| transcript_key(name, "json")).collect();
        assert_eq!(keys.len(), names.len(), "two names share a key: {keys:?}");
        for key in &keys {
            assert!(!key.starts_with('/') && !key.contains("//"), "{key:?}");
            assert!(key.split('/').all(|part| part != ".." && part != "."), "{key:?}");
            assert!(!key.chars().any(char::is_control), "{key:?}");
        }
    }

    #[test]
    fn long_segments_are_cut_without_colliding() {
        let (a, b) = ("é".repeat(300) + "1", "é".repeat(300) + "2");
        let (a, b) = (transcript_key(&a, "json"), transcript_key(&b, "json"));
        assert_ne!(a, b);
        assert!(a.len() <= SEGMENT_BYTES_MAX && a.ends_with(".json"));
        let imitation = a.trim_end_matches(".json");
        assert_ne!(transcript_key(imitation, "json"), a, "a short name must not pass for a long one's");
    }
}
