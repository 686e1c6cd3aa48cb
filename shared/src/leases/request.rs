//! What is sent to Redis.

use redis::{Cmd, Script};

/// What is sent in one go.
pub(super) enum Request<'a> {
    /// One command.
    Command(Cmd),
    /// One command that each server answers for itself; the answers are an array.
    EachServer(Cmd),
    /// Several commands, of one key each; the answers are an array.
    Commands(Vec<Cmd>),
    /// A script, known to Redis or not.
    Script { script: &'a Script, keys: &'a [String], args: &'a [Vec<u8>] },
    /// The same script for several sets of keys; the answers are an array.
    ScriptForEach { script: &'a Script, keys: &'a [Vec<String>], args: &'a [Vec<u8>] },
}
