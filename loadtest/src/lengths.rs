//! How long the recordings of a made-up backlog are.

use std::fmt;
use std::io::BufRead;
use std::path::PathBuf;
use std::str::FromStr;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal, Pareto};
use steno_shared::recording::Recording;

/// What a drawn length is at least and at most, in seconds: a tenth of a second and a day and a night.
const LENGTH_SECONDS: std::ops::RangeInclusive<f64> = 0.1..=86_400.0;

/// A distribution of lengths, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Lengths {
    /// `lognormal:MEDIAN,SIGMA`: calls and voicemails. Sigma is of the logarithm.
    LogNormal {
        /// Half are shorter.
        median: f64,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// `pareto:MIN,ALPHA`: heavy tails, as archives have; the smaller alpha is, the heavier.
    Pareto {
        /// The shortest.
        min: f64,
        /// The exponent of the tail.
        alpha: f64,
    },
    /// `bimodal:SHORT,LONG,SHARE`: two kinds, each within a quarter of its length; SHARE of all are long.
    Bimodal {
        /// Length of the short ones.
        short: f64,
        /// Length of the long ones.
        long: f64,
        /// How many of all are long, 0 to 1.
        share: f64,
    },
    /// `uniform:MIN,MAX`.
    Uniform {
        /// The shortest.
        min: f64,
        /// The longest.
        max: f64,
    },
    /// `like:MANIFEST`: drawn from the lengths of a manifest, with replacement.
    Like(PathBuf),
}

/// A distribution that can be drawn from.
#[derive(Debug, Clone)]
pub struct Sampler(Kind);

#[derive(Debug, Clone)]
enum Kind {
    LogNormal(LogNormal<f64>),
    Pareto(Pareto<f64>),
    Bimodal { short: f64, long: f64, share: f64 },
    Uniform { min: f64, max: f64 },
    Seen(Vec<f64>),
}

impl Lengths {
    /// Makes it ready: reads the manifest of `like:`.
    ///
    /// # Errors
    /// If the numbers describe no distribution, or the manifest cannot be read.
    pub fn sampler(&self) -> Result<Sampler, String> {
        let wrong = |why: &dyn fmt::Display| format!("{self} is no distribution of lengths: {why}");
        Ok(Sampler(match self {
            Self::LogNormal { median, sigma } => {
                Kind::LogNormal(LogNormal::new(median.ln(), *sigma).map_err(|error| wrong(&error))?)
            }
            Self::Pareto { min, alpha } => {
                Kind::Pareto(Pareto::new(*min, *alpha).map_err(|error| wrong(&error))?)
            }
            Self::Bimodal { share, .. } if !(0.0..=1.0).contains(share) => {
                return Err(wrong(&"the share of the long ones is from 0 to 1"));
            }
            Self::Bimodal { short, long, share } => {
                Kind::Bimodal { short: *short, long: *long, share: *share }
            }
            Self::Uniform { min, max } if min > max => {
                return Err(wrong(&"the shortest is longer than the longest"));
            }
            Self::Uniform { min, max } => Kind::Uniform { min: *min, max: *max },
            Self::Like(path) => {
                let open = std::fs::File::open(path);
                let file =
                    open.map_err(|error| format!("failed to open the manifest {}: {error}", path.display()))?;
                let seen = read_seconds(std::io::BufReader::new(file), &path.display().to_string())?;
                if seen.is_empty() {
                    return Err(format!("the manifest {} names no recordings", path.display()));
                }
                Kind::Seen(seen)
            }
        }))
    }
}

impl Sampler {
    /// The lengths of a backlog, in seconds: the same seed gives the same ones, and more of them begin alike.
    #[must_use]
    pub fn backlog(&self, seed: u64, recordings: usize) -> Vec<f64> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..recordings).map(|_| self.draw(&mut random)).collect()
    }

    /// Draws one length in seconds.
    pub fn draw(&self, random: &mut impl Rng) -> f64 {
        let seconds = match &self.0 {
            Kind::LogNormal(distribution) => distribution.sample(random),
            Kind::Pareto(distribution) => distribution.sample(random),
            Kind::Bimodal { short, long, share } => {
                let kind = if random.random_bool(*share) { long } else { short };
                kind * random.random_range(0.75..1.25)
            }
            Kind::Uniform { min, max } => random.random_range(*min..=*max),
            Kind::Seen(seen) => seen[random.random_range(0..seen.len())],
        };
        seconds.clamp(*LENGTH_SECONDS.start(), *LENGTH_SECONDS.end())
    }
}

/// Lengths in seconds of a manifest as `steno manifest` writes it, in the order of its lines.
///
/// # Errors
/// At the first line that is not of that kind.
pub fn read_seconds(source: impl BufRead, source_name: &str) -> Result<Vec<f64>, String> {
    let mut seconds = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let at = format!("{source_name}, line {}", index + 1);
        let line = line.map_err(|error| format!("failed to read {at}: {error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let recording: Recording = serde_json::from_str(&line).map_err(|error| {
            format!(
                "{at} does not tell a recording's length ({error}); `steno manifest INPUT` writes such lines"
            )
        })?;
        if !(recording.seconds.is_finite() && recording.seconds >= 0.0) {
            return Err(format!("{at} tells a length of {} s", recording.seconds));
        }
        seconds.push(recording.seconds);
    }
    Ok(seconds)
}

impl FromStr for Lengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORMS: &str = "lognormal:MEDIAN,SIGMA, pareto:MIN,ALPHA, bimodal:SHORT,LONG,SHARE, uniform:MIN,MAX (lengths in \
                             seconds) and like:MANIFEST";
        let wrong = || format!("{text:?} is no distribution of lengths; there are {FORMS}");
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        if kind == "like" {
            return Ok(Self::Like(rest.into()));
        }
        let numbers: Result<Vec<f64>, _> = rest.split(',').map(|number| number.trim().parse()).collect();
        let numbers = numbers.map_err(|_| wrong())?;
        if numbers.iter().any(|number| !(number.is_finite() && *number >= 0.0)) {
            return Err(wrong());
        }
        let lengths = match (kind, numbers.as_slice()) {
            ("lognormal", &[median, sigma]) if median > 0.0 => Self::LogNormal { median, sigma },
            ("pareto", &[min, alpha]) => Self::Pareto { min, alpha },
            ("bimodal", &[short, long, share]) => Self::Bimodal { short, long, share },
            ("uniform", &[min, max]) => Self::Uniform { min, max },
            _ => return Err(wrong()),
        };
        if !matches!(lengths, Self::Like(_)) {
            lengths.sampler()?;
        }
        Ok(lengths)
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogNormal { median, sigma } => write!(f, "lognormal:{median},{sigma}"),
            Self::Pareto { min, alpha } => write!(f, "pareto:{min},{alpha}"),
            Self::Bimodal { short, long, share } => write!(f, "bimodal:{short},{long},{share}"),
            Self::Uniform { min, max } => write!(f, "uniform:{min},{max}"),
            Self::Like(path) => write!(f, "like:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> Vec<f64> {
        let sampler = text.parse::<Lengths>().unwrap().sampler().unwrap();
        let mut random = StdRng::seed_from_u64(1);
        let mut seconds: Vec<f64> = (0..10_001).map(|_| sampler.draw(&mut random)).collect();
        seconds.sort_by(f64::total_cmp);
        seconds
    }

    #[test]
    fn each_kind_is_as_it_says() {
        let calls = drawn("lognormal:240,0.9");
        assert!((230.0..250.0).contains(&calls[5_000]), "the median is {}", calls[5_000]);
        let archive = drawn("pareto:30,1.2");
        assert!(archive[0] >= 30.0 && archive[10_000] > 10_000.0, "{} to {}", archive[0], archive[10_000]);
        // Half are below min × 2^(1/alpha).
        assert!((52.0..55.0).contains(&archive[5_000]), "the median is {}", archive[5_000]);
        let mixed = drawn("bimodal:60,3600,0.1");
        let long = mixed.iter().filter(|&&seconds| seconds > 1_000.0).count();
        assert!((900..1_100).contains(&long), "{long} are long");
        let even = drawn("uniform:10,20");
        assert!(even[0] >= 10.0 && even[10_000] <= 20.0 && (14.7..15.3).contains(&even[5_000]));
    }

    #[test]
    fn a_backlog_like_that_of_a_manifest_has_its_lengths() {
        let lines = r#"{"name":"a","etag":"1","size_bytes":1,"seconds":7.5}

{"name":"b","etag":"1","size_bytes":1,"seconds":60,"seconds_from":"size"}"#;
        assert_eq!(read_seconds(lines.as_bytes(), "m").unwrap(), [7.5, 60.0]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines).unwrap();
        let seconds = drawn(&format!("like:{}", file.path().display()));
        assert_eq!((seconds[0], seconds[10_000]), (7.5, 60.0));
    }

    #[test]
    fn what_is_none_is_refused_with_what_there_is() {
        for wrong in [
            "",
            "pareto",
            "pareto:1",
            "pareto:0,1",
            "pareto:1,0",
            "uniform:9,1",
            "normal:1,2",
            "bimodal:1,2,3",
            "lognormal:0,1",
            "lognormal:1,-1",
            "uniform:nan,1",
        ] {
            let error = wrong.parse::<Lengths>().unwrap_err();
            assert!(error.contains("is no distribution of lengths"), "{error}");
        }
        assert_eq!("lognormal:240,0.9".parse::<Lengths>().unwrap().to_string(), "lognormal:240,0.9");
        let error = read_seconds(&b"plain name.mp3"[..], "m.txt").unwrap_err();
        assert!(error.contains("m.txt, line 1") && error.contains("steno manifest"), "{error}");
    }
}
