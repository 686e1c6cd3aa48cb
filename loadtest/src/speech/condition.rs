//! What recordings suffer from.

use std::fmt;
use std::str::FromStr;

/// Between the speech and what disturbs it, in decibels.
const DECIBELS: std::ops::RangeInclusive<f64> = -20.0..=60.0;
/// A pause, in seconds.
const PAUSE_SECONDS: std::ops::RangeInclusive<f64> = 0.0..=600.0;

/// What makes the speech of a recording hard to hear: `clean`, or parts such as `telephone+noise:10`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Condition {
    /// `noise:DB`: white noise, the speech louder by so many decibels.
    pub noise_db: Option<f64>,
    /// `music:DB`: chords under the speech, the speech louder by so many decibels.
    pub music_db: Option<f64>,
    /// `silence:SECONDS`: so much silence between sentences, on average.
    pub silence_seconds: Option<f64>,
    /// `telephone`: only what is between 300 and 3,400 Hz, at 8 kHz.
    pub is_telephone: bool,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut condition = Self::default();
        if text == "clean" {
            return Ok(condition);
        }
        for part in text.split('+') {
            let wrong = || {
                format!(
                    "{text:?} is no condition; there are clean, noise:DB, music:DB ({} to {}), silence:SECONDS (up to {}) and telephone, \
                     each once, joined by +",
                    DECIBELS.start(),
                    DECIBELS.end(),
                    PAUSE_SECONDS.end()
                )
            };
            let (name, value) =
                part.split_once(':').map_or((part, None), |(name, value)| (name, Some(value)));
            let number = |range: &std::ops::RangeInclusive<f64>| {
                let number = value?.parse::<f64>().ok()?;
                // No negative zero: it would be written otherwise.
                range.contains(&number).then_some(number + 0.0)
            };
            let was_there = match name {
                "noise" => condition.noise_db.replace(number(&DECIBELS).ok_or_else(wrong)?).is_some(),
                "music" => condition.music_db.replace(number(&DECIBELS).ok_or_else(wrong)?).is_some(),
                "silence" => {
                    condition.silence_seconds.replace(number(&PAUSE_SECONDS).ok_or_else(wrong)?).is_some()
                }
                "telephone" if value.is_none() => std::mem::replace(&mut condition.is_telephone, true),
                _ => return Err(wrong()),
            };
            if was_there {
                return Err(wrong());
            }
        }
        Ok(condition)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name: &str, value: Option<f64>| value.map(|value| format!("{name}:{value}"));
        let parts: Vec<String> = [
            self.is_telephone.then(|| "telephone".to_owned()),
            part("noise", self.noise_db),
            part("music", self.music_db),
            part("silence", self.silence_seconds),
        ]
        .into_iter()
        .flatten()
        .collect();
        f.write_str(if parts.is_empty() { "clean".to_owned() } else { parts.join("+") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_in_any_order_and_named_in_one() {
        let condition: Condition = "noise:10+silence:2.5+telephone".parse().unwrap();
        assert_eq!(
            (condition.noise_db, condition.silence_seconds, condition.is_telephone),
            (Some(10.0), Some(2.5), true)
        );
        assert_eq!(condition.to_string(), "telephone+noise:10+silence:2.5");
        assert_eq!(condition.to_string().parse(), Ok(condition));
        assert_eq!("clean".parse(), Ok(Condition::default()));
        assert_eq!(Condition::default().to_string(), "clean");
        assert_eq!("music:-3".parse::<Condition>().unwrap().to_string(), "music:-3");
        assert_eq!("noise:-0".parse::<Condition>().unwrap().to_string(), "noise:0");
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in [
            "",
            "loud",
            "noise",
            "noise:",
            "noise:x",
            "noise:nan",
            "noise:61",
            "telephone:8",
            "clean+noise:3",
            "noise:3+noise:3",
            "silence:-1",
            "telephone+telephone",
        ] {
            assert!(wrong.parse::<Condition>().unwrap_err().contains("is no condition"), "{wrong}");
        }
    }
}
