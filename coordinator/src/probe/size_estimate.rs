//! The length of a recording whose headers do not tell, from its size: good enough to plan with.
//!
//! The table is repeated for users in `docs/manifest.md`.

use steno_shared::recording::SECONDS_MAX;

use super::container::Container;

/// An estimate in seconds, by the content where it is known and by the name's extension otherwise.
#[must_use]
pub fn seconds_from_size(size_bytes: u64, container: Option<Container>, name: &str) -> f64 {
    let kbit_per_second = container
        .and_then(kbit_per_second_of_container)
        .or_else(|| kbit_per_second_of_extension(name))
        .unwrap_or(128.0);
    (size_bytes as f64 * 8.0 / (kbit_per_second * 1000.0)).min(SECONDS_MAX)
}

/// Typical rates in kbit/s. Containers that hold both thin audio and fat video leave it to the extension.
fn kbit_per_second_of_container(container: Container) -> Option<f64> {
    Some(match container {
        Container::Wav | Container::Wave64 | Container::Aiff | Container::Au => 256.0,
        Container::Flac => 700.0,
        Container::Amr => 12.8,
        Container::AmrWb => 24.0,
        Container::MpegAudio | Container::Adts => 128.0,
        Container::Avi | Container::MpegTs => 2000.0,
        Container::Caf
        | Container::Ogg
        | Container::Mp4
        | Container::Matroska
        | Container::Asf
        | Container::Unread => return None,
    })
}

fn kbit_per_second_of_extension(name: &str) -> Option<f64> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "wav" | "wave" | "aif" | "aiff" | "aifc" | "au" | "snd" | "w64" | "rf64" | "bwf" => 256.0,
        "flac" | "alac" | "ape" | "wv" | "tta" => 700.0,
        "dsf" | "dff" => 2800.0,
        "opus" | "spx" => 32.0,
        "weba" | "webm" => 64.0,
        "amr" => 12.8,
        "awb" => 24.0,
        "wma" => 96.0,
        "ac3" | "eac3" | "dts" => 384.0,
        "3gp" | "3g2" => 200.0,
        "mp4" | "m4v" | "mov" | "mkv" | "avi" | "wmv" | "asf" | "ts" | "mts" | "m2ts" | "flv" | "mpg"
        | "mpeg" | "vob" | "ogv" => 2000.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_finite_and_grow_with_the_size() {
        assert_eq!(seconds_from_size(0, None, "x.mp3"), 0.0);
        assert_eq!(seconds_from_size(16_000, None, "x.mp3"), 1.0);
        assert!(seconds_from_size(u64::MAX, Some(Container::Amr), "x").is_finite());
    }
}
