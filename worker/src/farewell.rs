//! A worker's last words: why it cannot work, as a line that its parent finds in the log and shows the user.

use std::io::Write as _;

use steno_shared::exit::LAST_WORDS_PREFIX;

/// Writes the reason to standard error. Nothing can be done if that fails.
pub fn say(reason: &str) {
    let _ = writeln!(std::io::stderr(), "{LAST_WORDS_PREFIX}{}", reason.replace('\n', " "));
}
