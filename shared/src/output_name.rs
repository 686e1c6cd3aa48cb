//! Names of transcripts: readable, never colliding, safe as a path and as an S3 key.

use sha2::{Digest, Sha256};

use crate::fingerprint::hex;
use crate::part_key::PART_PREFIX;
use crate::storage::TEMPORARY_PREFIX;
use crate::transcript::Format;

/// Longest path segment written, in bytes; file systems and some S3 servers refuse more than 255, and a
/// temporary file's prefix needs room beside it.
const SEGMENT_BYTES_MAX: usize = 200;

/// Longest key written, in bytes: with an output's prefix before it, it has to fit into S3's 1,024, and recordings'
/// own keys may be as long.
pub const TRANSCRIPT_KEY_BYTES_MAX: usize = 700;

/// The key of a recording's transcript, relative to the output: the recording's whole name, extension included,
/// plus the format's extension. `a/b.mp3` gives `a/b.mp3.json`, so `a/b.wav` cannot collide with it.
///
/// The name is hostile. What would escape from the output or be read differently by some store is escaped with
/// `%XX`: control characters, `\`, the segments `.` and `..`, leading and doubled slashes, a `%` that already
/// stands before two hexadecimal digits, the first dot of a segment that looks like one of Steno's own files, and the
/// last dot of a folder that has the name of a transcript, since `a.mp3.json/b.mp3` may lie beside `a.mp3`. The mapping is one to one.
/// A segment over 200 bytes is cut and carries a hash of the whole, and so does one that ends as if it were cut; a key
/// over 700 bytes ([`TRANSCRIPT_KEY_BYTES_MAX`]) is cut likewise.
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
        let escaped = std::mem::take(&mut pending_slashes) + &escape_segment(piece);
        segments.push(if last { escaped } else { unlike_a_transcript(escaped) });
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
    if key.len() <= TRANSCRIPT_KEY_BYTES_MAX {
        return key;
    }
    let digest = short_hash(recording_name);
    let cut = cut_at(&key, TRANSCRIPT_KEY_BYTES_MAX - digest.len() - extension.len() - 2);
    format!("{cut}~{digest}.{extension}")
}

fn escape_segment(segment: &str) -> String {
    match segment {
        "." => return "%2E".to_owned(),
        ".." => return "%2E%2E".to_owned(),
        _ => {}
    }
    for ours in [TEMPORARY_PREFIX, PART_PREFIX] {
        if let Some(rest) = segment.strip_prefix(ours) {
            return format!("%2E{}{}", &ours[1..], escape_segment(rest));
        }
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

/// A folder's name, without the ending that a transcript's has.
fn unlike_a_transcript(segment: String) -> String {
    match segment.rsplit_once('.') {
        Some((stem, ending))
            if Format::ALL.iter().any(|format| ending.eq_ignore_ascii_case(format.extension())) =>
        {
            format!("{stem}%2E{ending}")
        }
        _ => segment,
    }
}

fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..8])
}

/// At most so many bytes of a text, whole characters.
fn cut_at(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    &text[..end]
}

fn shorten(segment: String, suffix_bytes: usize) -> String {
    if segment.len() + suffix_bytes <= SEGMENT_BYTES_MAX && !looks_shortened(&segment) {
        return segment;
    }
    let digest = short_hash(&segment);
    format!("{}~{digest}", cut_at(&segment, SEGMENT_BYTES_MAX - suffix_bytes - digest.len() - 1))
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
            "../x.mp3",
            "..",
            ".",
            "x",
            "/x",
            "//x",
            "a//x",
            "a/x",
            "a/./x",
            "a/../x",
            "a\nb",
            "a%0Ab",
            "a%250Ab",
            "%2Fx",
            "a\\b",
            "a%5Cb",
            "",
            "/",
            "a/",
            "%",
            "%2",
            "%zz",
            "a\0b",
            "a%00b",
            "A",
            "a",
            "caf\u{e9}",
            "cafe\u{301}",
            ".steno-tmp-a",
            "%2Esteno-tmp-a",
            "a/.steno-tmp-b",
            "a.json/b",
            "a%2Ejson/b",
            "a.SRT/b",
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
    fn no_transcript_lies_where_another_needs_a_folder() {
        for (recording, below) in [("a.mp3", "a.mp3.json/b.mp3"), ("x/a", "x/a.vtt/b"), ("a", "a.JSON/b")] {
            for format in Format::ALL {
                let (file, inside) =
                    (transcript_key(recording, format.extension()), transcript_key(below, "json"));
                let folder = inside.rsplit_once('/').unwrap().0;
                assert!(!file.eq_ignore_ascii_case(folder), "{file} is a file and a folder");
            }
        }
    }

    #[test]
    fn no_transcript_passes_for_a_temporary() {
        for name in [".steno-tmp-a.mp3", "a/.steno-tmp-", ".steno-tmp-/a"] {
            assert!(!transcript_key(name, "json").contains("/.steno-tmp-"), "{name}");
            assert!(!transcript_key(name, "json").starts_with(".steno-tmp-"), "{name}");
        }
    }

    #[test]
    fn the_longest_names_that_a_bucket_has_fit_beside_a_prefix() {
        let long = |end: char| format!("{}{end}.mp3", "folder/".repeat(145));
        let (a, b) = (transcript_key(&long('a'), "json"), transcript_key(&long('b'), "json"));
        assert_ne!(a, b);
        assert!(
            a.len() <= TRANSCRIPT_KEY_BYTES_MAX && a.starts_with("folder/folder/") && a.ends_with(".json"),
            "{a}"
        );
        let imitation = a.trim_end_matches(".json");
        assert_ne!(transcript_key(imitation, "json"), a, "a short name must not pass for a long one's");
        let escapes = transcript_key(&"\n".repeat(1024), "json");
        assert!(escapes.len() <= TRANSCRIPT_KEY_BYTES_MAX, "{escapes}");
    }

    proptest::proptest! {
        /// Of two names, each with pieces that are read as something else somewhere, none takes the other's place.
        #[test]
        fn any_two_names_have_keys_of_their_own_below_the_output(a in hostile_name(), b in hostile_name()) {
            let (key, other) = (transcript_key(&a, "json"), transcript_key(&b, "json"));
            proptest::prop_assert_eq!(a == b, key == other, "{:?} and {:?} share {:?}", a, b, key);
            proptest::prop_assert!(!other.starts_with(&format!("{key}/")), "{:?} is a folder of {:?}", key, other);
            proptest::prop_assert!(key.split('/').all(|part| !matches!(part, "" | "." | "..")), "{:?}", key);
            proptest::prop_assert!(!key.chars().any(char::is_control) && key.len() <= TRANSCRIPT_KEY_BYTES_MAX);
        }
    }

    /// Short names of few pieces, so that two of them are often nearly the same.
    fn hostile_name() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let piece = prop::sample::select(vec![
            "a",
            "A",
            ".",
            "..",
            "/",
            "//",
            "%",
            "%2E",
            "%25",
            "2E",
            "%00",
            "\0",
            "\n",
            "\\",
            ".json",
            ".srt",
            ".steno-tmp-",
            "\u{e9}",
            "e\u{301}",
            "~0123456789abcdef",
            "~",
        ]);
        prop::collection::vec(
            prop_oneof![9 => piece.prop_map(str::to_owned), 1 => Just("n".repeat(250))],
            0..6,
        )
        .prop_map(|pieces| pieces.concat())
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
