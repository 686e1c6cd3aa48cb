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
    let missing = match (files, system_calls) {
        (true, true) => {
            return Check::good(
                what,
                "ffmpeg can open no file but its own, connect nowhere and start nothing",
            );
        }
        (false, true) => "landlock (Linux 5.13 or later, `landlock` among the security modules at boot)",
        (true, false) => "seccomp filters (`CONFIG_SECCOMP_FILTER`)",
        (false, false) => "landlock and seccomp filters",
    };
    Check::note(
        what,
        format!(
            "the kernel, or what the container is run by, has no {missing}: ffmpeg is held by its limits and options alone, and a \
             recording that takes it over has the worker's rights; take recordings of strangers elsewhere"
        ),
    )
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
            ("{\"files\":false,\"system_calls\":true}", "no landlock (Linux"),
            ("{\"files\":true,\"system_calls\":false}", "no seccomp"),
            ("{\"files\":false,\"system_calls\":false}", "no landlock and seccomp"),
            ("error: unrecognized subcommand", "not told: error: unrecognized"),
        ] {
            let Outcome::Note(text) = of(said) else { panic!("{said}") };
            assert!(text.contains(word), "{text}");
        }
    }
}
