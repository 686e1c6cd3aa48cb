//! The lines of a manifest, each looked at as it goes by: however long the manifest is, one line is held.

use std::io::{self, BufRead, Read as _, Write};

use steno_shared::storage::Location;

use super::error::ManifestError;
use super::line::{self, Line};

/// The longest line, in bytes. A name has 4,096 at most, and six times as many where JSON escapes each.
const LINE_BYTES_MAX: usize = 32 << 10;

/// How many recordings one batch may have: what the coordinator holds of each, and Redis of each, has to fit into memory.
pub(crate) const RECORDINGS_MAX: u64 = 5_000_000;

/// Reads a manifest line by line.
pub(super) struct Lines<'a, R> {
    source: R,
    source_name: &'a str,
    input: &'a Location,
    /// Counted from 1: the line in hand.
    number: usize,
    recordings: u64,
    recordings_max: u64,
    buffer: Vec<u8>,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub(super) fn new(source: R, source_name: &'a str, input: &'a Location) -> Self {
        Self {
            source,
            source_name,
            input,
            number: 0,
            recordings: 0,
            recordings_max: RECORDINGS_MAX,
            buffer: Vec::new(),
        }
    }

    /// The next line that says something, with its number.
    ///
    /// # Errors
    /// If it is none, if it cannot be read, or if there are too many.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Line)>, ManifestError> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let read =
                self.source.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.buffer);
            if read.map_err(|cause| self.unreadable(cause))? == 0 {
                return Ok(None);
            }
            if let Some(line) = self.parse().map_err(|cause| self.wrong(cause))? {
                self.recordings += 1;
                if self.recordings > self.recordings_max {
                    return Err(ManifestError::TooMany { source_name: self.source_name.to_owned() });
                }
                return Ok(Some((self.number, line)));
            }
        }
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
/// At the first line that is none, when there are more than a batch may have, or when it cannot be read or written.
pub fn copy_manifest(
    source: impl BufRead,
    source_name: &str,
    input: &Location,
    to: &mut impl Write,
) -> Result<(), ManifestError> {
    let mut lines = Lines::new(source, source_name, input);
    while lines.next()?.is_some() {
        to.write_all(&lines.buffer).map_err(ManifestError::Write)?;
    }
    to.flush().map_err(ManifestError::Write)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

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
        let mut lines = Lines { recordings_max: 1000, ..Lines::new(names, "m", &input) };
        let error = std::iter::from_fn(|| lines.next().transpose()).find_map(Result::err).unwrap();
        assert!(matches!(error, ManifestError::TooMany { .. }) && lines.number == 1001, "{error}");
        assert!(error.to_string().contains("more than 5,000,000 recordings"), "{error}");
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
}
