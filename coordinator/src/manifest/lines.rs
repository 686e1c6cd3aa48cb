//! The lines of a manifest, each looked at as it goes by: however long the manifest is, one line is held.

use std::io::{self, BufRead, Read as _, Write};

use steno_shared::storage::Location;

use super::error::ManifestError;
use super::line::{self, Line};

/// The longest line, in bytes. A name has 4,096 at most, and six times as many where JSON escapes each.
const LINE_BYTES_MAX: usize = 32 << 10;

/// How many recordings one batch may have: what the coordinator holds of each, and Redis of each, has to fit into memory.
pub(crate) const RECORDINGS_MAX: u64 = 5_000_000;

/// How large a manifest may be: as many lines as there may be, of 800 bytes each. The run keeps a copy of it.
const MANIFEST_BYTES_MAX: u64 = 4_000_000_000;

/// Reads a manifest line by line.
pub(super) struct Lines<'a, R> {
    source: R,
    source_name: &'a str,
    input: &'a Location,
    /// Counted from 1: the line in hand.
    number: usize,
    /// Up to the end of the line in hand.
    bytes: u64,
    lines_max: u64,
    bytes_max: u64,
    buffer: Vec<u8>,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub(super) fn new(source: R, source_name: &'a str, input: &'a Location) -> Self {
        let (lines_max, bytes_max) = (RECORDINGS_MAX, MANIFEST_BYTES_MAX);
        Self { source, source_name, input, number: 0, bytes: 0, lines_max, bytes_max, buffer: Vec::new() }
    }

    /// The next line that says something, with its number.
    ///
    /// # Errors
    /// If it is none, if it cannot be read, or if there are too many.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Line)>, ManifestError> {
        while let Some(line) = self.read()? {
            if let Some(line) = line {
                return Ok(Some((self.number, line)));
            }
        }
        Ok(None)
    }

    /// The next line, which may be blank.
    fn read(&mut self) -> Result<Option<Option<Line>>, ManifestError> {
        self.buffer.clear();
        let read = self.source.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.buffer);
        if read.map_err(|cause| self.unreadable(cause))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.number as u64 > self.lines_max {
            let source_name = self.source_name.to_owned();
            return Err(ManifestError::TooMany { source_name, lines_max: self.lines_max });
        }
        self.bytes += self.buffer.len() as u64;
        if self.bytes > self.bytes_max {
            let source_name = self.source_name.to_owned();
            return Err(ManifestError::TooLarge { source_name, bytes_max: self.bytes_max });
        }
        self.parse().map(Some).map_err(|cause| self.wrong(cause))
    }

    fn parse(&self) -> Result<Option<Line>, String> {
        if self.buffer.len() > LINE_BYTES_MAX {
            return Err(format!(
                "it is longer than {LINE_BYTES_MAX} bytes, and no name is; is this a manifest?"
            ));
        }
        let text = std::str::from_utf8(&self.buffer).map_err(|_| "it is not UTF-8".to_owned())?;
        // Editors of one system put a mark at the start.
        let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        line::parse(text, self.input)
    }

    fn unreadable(&self, cause: io::Error) -> ManifestError {
        ManifestError::Unreadable { source_name: self.source_name.to_owned(), cause }
    }

    fn wrong(&self, cause: String) -> ManifestError {
        ManifestError::Line { source_name: self.source_name.to_owned(), line: self.number, cause }
    }
}

/// Copies a manifest, and looks at each of its lines meanwhile, so that a wrong one stops everything before the store is
/// asked for the others, and a pipe that never ends fills no disk.
///
/// # Errors
/// At the first line that is none, when there are more than a batch may have or they are too large, or when it cannot be read or written.
pub fn copy_manifest(
    source: impl BufRead,
    source_name: &str,
    input: &Location,
    to: &mut impl Write,
) -> Result<(), ManifestError> {
    let mut lines = Lines::new(source, source_name, input);
    while lines.read()?.is_some() {
        to.write_all(&lines.buffer).map_err(ManifestError::Write)?;
    }
    to.flush().map_err(ManifestError::Write)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn input() -> Location {
        "/srv/in".parse().unwrap()
    }

    #[test]
    fn a_line_that_never_ends_is_given_up() {
        let zeros = BufReader::new(io::repeat(0));
        let mut copy = Vec::new();
        let error = copy_manifest(zeros, "/dev/zero", &input(), &mut copy).unwrap_err();
        let ManifestError::Line { line: 1, cause, .. } = &error else { panic!("{error}") };
        assert!(cause.contains("longer than 32768 bytes") && copy.is_empty(), "{error}");

        let longest = format!("{}\n", "n".repeat(LINE_BYTES_MAX - 1));
        let mut copy = Vec::new();
        copy_manifest(longest.as_bytes(), "m", &input(), &mut copy).unwrap();
        assert_eq!(copy, longest.as_bytes());
    }

    #[test]
    fn lines_that_never_end_are_given_up() {
        let names = BufReader::new(endless(b"name\n"));
        let input = input();
        let mut lines = Lines { lines_max: 1000, ..Lines::new(names, "m", &input) };
        let error = std::iter::from_fn(|| lines.next().transpose()).find_map(Result::err).unwrap();
        assert!(matches!(error, ManifestError::TooMany { .. }) && lines.number == 1001, "{error}");
        assert!(error.to_string().contains("more than 1,000 lines"), "{error}");
    }

    #[test]
    fn long_lines_that_never_end_fill_no_disk() {
        let names = BufReader::new(endless(b"a name of no more than forty characters\n"));
        let input = input();
        let mut lines = Lines { bytes_max: 1000, ..Lines::new(names, "m", &input) };
        let error = std::iter::from_fn(|| lines.next().transpose()).find_map(Result::err).unwrap();
        assert!(matches!(error, ManifestError::TooLarge { .. }) && lines.number == 26, "{error}");
        assert!(error.to_string().contains("more than 1,000 bytes"), "{error}");
    }

    #[test]
    fn a_copy_has_the_same_lines() {
        let text = "\n\u{feff}a.mp3\r\n \n{\"name\":\"b\"}";
        let mut copy = Vec::new();
        copy_manifest(text.as_bytes(), "m", &input(), &mut copy).unwrap();
        assert_eq!(copy, text.as_bytes());
    }

    #[test]
    fn blank_lines_are_no_recordings_and_keep_their_numbers() {
        let mut copy = Vec::new();
        let text = "\u{feff}a\r\n\n \n{\"name\":3}\n";
        let error = copy_manifest(text.as_bytes(), "m.jsonl", &input(), &mut copy).unwrap_err();
        assert!(error.to_string().starts_with("failed to read m.jsonl line 4: it is not JSON as"), "{error}");
    }

    fn endless(text: &'static [u8]) -> impl io::Read {
        struct Endless(&'static [u8], usize);
        impl io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                for byte in buffer.iter_mut() {
                    *byte = self.0[self.1 % self.0.len()];
                    self.1 += 1;
                }
                Ok(buffer.len())
            }
        }
        Endless(text, 0)
    }

    fn manifest() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "\"name\":",
            "\"etag\":",
            "\"size_bytes\":",
            "\"seconds\":",
            "\"seconds_from\":",
            "\"a.mp3\"",
            "\"\"",
            ",",
            "1",
            "-1",
            "1e999",
            "null",
            "\"size\"",
            "\n",
            "\r\n",
            "\r",
            "\u{feff}",
            "a.mp3",
            "../",
            "./",
            "/",
            "/srv/in/",
            "s3://bucket/",
            "\\u0000",
            "\0",
            " ",
            "#",
            "[",
            "\\",
        ]);
        let whole = "(a|\\.\\.|/){0,6}".prop_map(|name| {
            format!("{{\"name\":{name:?},\"etag\":\"e\",\"size_bytes\":1,\"seconds\":2.5}}\n")
        });
        let piece = prop_oneof![
            6 => piece.prop_map(|piece| piece.as_bytes().to_vec()),
            2 => whole.prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

        #[test]
        fn fuzz_manifest(text in manifest(), in_bucket in any::<bool>()) {
            let input = if in_bucket { "s3://bucket/in".parse().unwrap() } else { input() };
            let mut copy = Vec::new();
            match copy_manifest(&text[..], "m", &input, &mut copy) {
                Err(error) => prop_assert!(error.to_string().starts_with("failed to read m line "), "{}", error),
                Ok(()) => {
                    prop_assert_eq!(&copy, &text);
                    let mut lines = Lines::new(&copy[..], "m", &input);
                    while let Some((_, line)) = lines.next().unwrap() {
                        let name = line.name();
                        prop_assert!(input.check_name(name).is_ok(), "{:?}", name);
                        let outside = name.is_empty() || name.split('/').any(|part| part == "..");
                        prop_assert!(!outside, "{:?} leads out", name);
                    }
                }
            }
        }
    }
}
