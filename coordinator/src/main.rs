//! The `steno` command.
fn main() {}
