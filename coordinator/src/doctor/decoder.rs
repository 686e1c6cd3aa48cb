//! What the kernel holds a decoder to: recordings are hostile, and ffmpeg reads them.

use serde::Deserialize;

use super::check::Check;

/// The worker's subcommand that tells.
pub(super) const SUBCOMMAND: &str = "confinement";

#[derive(Deserialize)]
struct Confinement {
    files: bool,
    system_calls: bool,
}

/// From what the worker said, on standard output.
pub(super) fn judge(what: &str, said: &str) -> Check {
    let Ok(Confinement { files, system_calls }) = serde_json::from_str(said.trim()) else {
        return Check::note(what, format!("how it is confined was not told: {}", said.trim()));
    };
    let text = match (files, system_calls) {
        (true, true) => {
            return Check::good(
                what,
                "ffmpeg can open no file but its own, connect nowhere and start nothing",
            );
        }
        (false, true) => {
            "ffmpeg can connect nowhere and start no process, but open the files that a worker can: the kernel, or what the container is \
             run by, has no landlock (Linux 5.13 or later, `landlock` among the security modules at boot), or this ffmpeg is a script \
             around another one"
        }
        (true, false) => {
            "ffmpeg can open no file but its own, but make connections: the kernel, or what the container is run by, has no seccomp \
             filters (`CONFIG_SECCOMP_FILTER`)"
        }
        (false, false) => {
            "ffmpeg is held by its limits and options alone, and a recording that takes it over has the worker's rights: neither \
             landlock nor seccomp filters are there, or this ffmpeg does not run under them; take recordings of strangers elsewhere"
        }
    };
    Check::note(what, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn what_is_missing_is_named() {
        let of = |said: &str| judge("decoder", said).outcome;
        assert!(matches!(of("{\"files\":true,\"system_calls\":true}\n"), Outcome::Good(_)));
        for (said, word) in [
            ("{\"files\":false,\"system_calls\":true}", "has no landlock (Linux"),
            ("{\"files\":true,\"system_calls\":false}", "has no seccomp"),
            ("{\"files\":false,\"system_calls\":false}", "the worker's rights"),
            ("error: unrecognized subcommand", "not told: error: unrecognized"),
        ] {
            let Outcome::Note(text) = of(said) else { panic!("{said}") };
            assert!(text.contains(word), "{text}");
        }
    }
}
