//! The `steno-loadtest` command.

fn main() -> std::process::ExitCode {
    steno_loadtest::cli::main()
}
