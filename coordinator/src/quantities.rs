//! Amounts as a person reads them.

use std::time::Duration;

/// An amount of audio: `42.0 s`, `12.3 min`, `1,234.5 h`.
#[must_use]
pub fn audio(ms: u64) -> String {
    let seconds = ms as f64 / 1000.0;
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if seconds < 3600.0 {
        format!("{:.1} min", seconds / 60.0)
    } else {
        let tenths = (seconds / 360.0).round() as u64;
        format!("{}.{} h", grouped(tenths / 10), tenths % 10)
    }
}

/// A wall time: `8 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`.
#[must_use]
pub fn wall(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if days > 0 {
        format!("{days} d {hours} h")
    } else if hours > 0 {
        format!("{hours} h {minutes:02} min")
    } else if minutes > 0 {
        format!("{minutes} min {rest:02} s")
    } else {
        format!("{rest} s")
    }
}

/// An amount of audio in seconds: as [`audio`].
#[must_use]
pub fn audio_seconds(seconds: f64) -> String {
    audio((seconds.max(0.0) * 1000.0) as u64)
}

/// A wall time in seconds: as [`wall`].
#[must_use]
pub fn wall_seconds(seconds: f64) -> String {
    wall(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// A count with its thousands separated: `1,234,567`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 recording`, `2 recordings`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Text of unknown origin on one line of a terminal: control characters and direction marks are escaped, and a long
/// one is cut in its middle.
#[must_use]
pub fn name(text: &str, width: usize) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    let length = safe.chars().count();
    if length <= width || width < 5 {
        return safe;
    }
    let (head, tail) = (width / 2, width - width / 2 - 1);
    safe.chars().take(head).chain(std::iter::once('…')).chain(safe.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_naturally() {
        assert_eq!(audio(42_040), "42.0 s");
        assert_eq!(audio(738_000), "12.3 min");
        assert_eq!(audio(4_444_200_000), "1,234.5 h");
        assert_eq!(wall(Duration::from_millis(7_600)), "8 s");
        assert_eq!(wall(Duration::from_secs(7_500)), "2 h 05 min");
        assert_eq!(wall(Duration::from_secs(273_600)), "3 d 4 h");
        assert_eq!((audio_seconds(738.0), audio_seconds(-1.0)), ("12.3 min".to_owned(), "0.0 s".to_owned()));
        assert_eq!(
            (wall_seconds(7_500.0), wall_seconds(f64::NAN)),
            ("2 h 05 min".to_owned(), "0 s".to_owned())
        );
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "recording"), "1 recording");
        assert_eq!(counted(0, "recording"), "0 recordings");
    }

    #[test]
    fn hostile_names_cannot_drive_the_terminal() {
        assert_eq!(name("a\x1b[2Jb\nc", 80), "a\\u{1b}[2Jb\\nc");
        assert_eq!(name("0123456789", 7), "012…789");
    }
}
