//! The worker process.

fn main() -> std::process::ExitCode {
    steno_worker::cli::main()
}
