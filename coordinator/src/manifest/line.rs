//! One line of a manifest: a name, or what `steno manifest` wrote.

use serde::Deserialize;
use steno_shared::recording::{DurationSource, Recording};
use steno_shared::storage::Location;

/// What a line asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    /// All is known.
    Known(Recording),
    /// Only the name is, relative to the input: the store must tell the rest.
    Named(String),
}

impl Line {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Known(recording) => &recording.name,
            Self::Named(name) => name,
        }
    }
}

/// A manifest's line as JSON; all but the name may be left out.
#[derive(Deserialize)]
struct JsonLine {
    name: String,
    etag: Option<String>,
    size_bytes: Option<u64>,
    seconds: Option<f64>,
    #[serde(default)]
    seconds_from: DurationSource,
}

/// Reads a line without its line ending: `None` if it is blank. A line that begins with `{` and is JSON is one of
/// `steno manifest`; any other is a name.
pub(super) fn parse(line: &str, input: &Location) -> Result<Option<Line>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let parsed = if line.trim_start().starts_with('{') {
        match serde_json::from_str(line) {
            Ok(json) => from_json(json)?,
            // A name may well begin with a brace, but not with this.
            Err(error) if line.trim_start().trim_start_matches('{').trim_start().starts_with('"') => {
                return Err(format!("it is not JSON as `steno manifest` writes it: {error}"));
            }
            Err(_) => Line::Named(relative(line, input)?),
        }
    } else {
        Line::Named(relative(line, input)?)
    };
    input.check_name(parsed.name()).map_err(|error| error.to_string())?;
    Ok(Some(parsed))
}

fn from_json(json: JsonLine) -> Result<Line, String> {
    Ok(match (json.etag, json.size_bytes, json.seconds) {
        (_, _, Some(seconds)) if !(seconds.is_finite() && (0.0..=1e9).contains(&seconds)) => {
            return Err(format!("{seconds} is no length in seconds"));
        }
        (Some(etag), Some(size_bytes), Some(seconds)) => Line::Known(Recording {
            name: json.name,
            etag,
            size_bytes,
            seconds,
            seconds_from: json.seconds_from,
            part: None,
        }),
        _ => Line::Named(json.name),
    })
}

/// The name relative to the input. `#` begins no comment, and no space is trimmed: both are legal in names.
fn relative(name: &str, input: &Location) -> Result<String, String> {
    let root = input.to_string();
    let outside = || format!("{name:?} is not in {root}");
    let is_url = name.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"));
    let relative = match input {
        Location::S3 { bucket, prefix } if is_url => {
            let key = name[5..].strip_prefix(bucket.as_str()).and_then(|rest| rest.strip_prefix('/'));
            let key = key.ok_or_else(outside)?;
            if prefix.is_empty() {
                Some(key)
            } else {
                key.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('/'))
            }
        }
        Location::Folder(_) if is_url => None,
        Location::Folder(folder) if name.starts_with('/') => {
            std::path::Path::new(name).strip_prefix(folder).ok().and_then(std::path::Path::to_str)
        }
        Location::S3 { .. } => Some(name),
        Location::Folder(_) => Some(name.trim_start_matches("./")),
    };
    match relative {
        Some("") => Err(format!("{name:?} names no file")),
        Some(relative) => Ok(relative.to_owned()),
        None => Err(outside()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str, input: &str) -> Result<String, String> {
        parse(line, &input.parse().unwrap()).map(|line| line.unwrap().name().to_owned())
    }

    #[test]
    fn names_become_relative_to_the_input() {
        assert_eq!(named("a/b.mp3", "s3://bucket/in").unwrap(), "a/b.mp3");
        assert_eq!(named("s3://bucket/in/a/b.mp3", "s3://bucket/in").unwrap(), "a/b.mp3");
        assert_eq!(named("s3://bucket/a.mp3", "s3://bucket").unwrap(), "a.mp3");
        assert_eq!(named("/srv/in/a.mp3", "/srv/in").unwrap(), "a.mp3");
        assert_eq!(named("./a.mp3", "/srv/in").unwrap(), "a.mp3");
        assert_eq!(named(" # no comment.mp3 ", "/srv/in").unwrap(), " # no comment.mp3 ");
        assert_eq!(named("{curly}.mp3", "/srv/in").unwrap(), "{curly}.mp3");
    }

    #[test]
    fn names_elsewhere_are_refused() {
        for (name, input) in [
            ("s3://other/in/a.mp3", "s3://bucket/in"),
            ("s3://bucket/inner/a.mp3", "s3://bucket/in"),
            ("s3://bucket/in/", "s3://bucket/in"),
            ("s3://bucket/a.mp3", "/srv/in"),
            ("/srv/inner/a.mp3", "/srv/in"),
            ("/srv/in", "/srv/in"),
        ] {
            assert!(named(name, input).is_err(), "{name} in {input}");
        }
    }

    #[test]
    fn json_lines_are_known_or_at_least_named() {
        let input = "/srv/in".parse().unwrap();
        let full = r#"{"name":"a\nb.mp3","etag":"e","size_bytes":3,"seconds":1.5}"#;
        let Some(Line::Known(recording)) = parse(full, &input).unwrap() else { panic!("not known") };
        assert_eq!((recording.name.as_str(), recording.seconds), ("a\nb.mp3", 1.5));
        assert_eq!(recording.seconds_from, DurationSource::Header);
        let part = r#"{"name":"a.mp3","etag":"e","size_bytes":3}"#;
        assert_eq!(parse(part, &input).unwrap(), Some(Line::Named("a.mp3".into())));
        for wrong in [r#"{"name":3}"#, r#"{"nam"#, r#"{"name":""}"#, r#"{"name":"a","seconds":-1}"#] {
            assert!(parse(wrong, &input).is_err(), "{wrong}");
        }
        for blank in ["", "  ", "\t"] {
            assert_eq!(parse(blank, &input).unwrap(), None);
        }
    }
}
