//! The worker process.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|name| name == steno_worker::decode_audio::child::SUBCOMMAND) {
        return steno_worker::decode_audio::child::run(args);
    }
    ExitCode::from(2)
}
