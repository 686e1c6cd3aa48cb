//! What commands print: results go to standard output, everything else to standard error.

use std::io::Write as _;

use crate::failure::Failure;

/// Writes to standard output. A reader that has gone (`steno items | head`) is no error.
///
/// # Errors
/// If it cannot be written.
pub fn print(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::unusable(format!("failed to write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The same as a line of JSON.
///
/// # Errors
/// If it cannot be written.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    print(&serde_json::to_string(value).map_err(Failure::internal)?)
}
