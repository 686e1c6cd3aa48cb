//! Files that commands write, and what they say of their making.

use std::path::Path;

use steno_coordinator::failure::Failure;

use crate::report::{Chart, PictureFile};

/// Writes a picture of charts.
pub(super) fn write_picture(file: &PictureFile, charts: &[Chart]) -> Result<(), Failure> {
    let bytes = file.bytes(charts).map_err(|error| {
        Failure::unusable(format!("failed to make the picture {}: {error}", file.path().display()))
    })?;
    write_file(file.path(), &bytes)
}

/// Writes a report or a picture.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, content)
        .map_err(|error| Failure::unusable(format!("failed to write {}: {error}", path.display())))
}

/// What was typed, as a shell would take it again where no argument has a quotation mark.
pub(super) fn command_line() -> String {
    let quoted = |argument: String| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=@%+".contains(c);
        if argument.chars().all(is_plain) { argument } else { format!("'{argument}'") }
    };
    let arguments =
        std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    std::iter::once("steno-loadtest".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}
