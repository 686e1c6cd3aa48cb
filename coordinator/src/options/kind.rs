//! What an option's value may be, as text on the command line and as a value in a file.

use serde_json::{Map, Number, Value};

use super::table::{VAD_PARAMETERS, find};

/// What an option's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of these names.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// Any text, or none.
    TextOrNone,
    /// True or false; a flag that may stand alone where the default is false.
    Bool,
    /// True, false, or none for the mode's own.
    BoolOrNone,
    /// A whole number.
    Count,
    /// A whole number, or none.
    CountOrNone,
    /// A number.
    Number,
    /// A number, or none.
    NumberOrNone,
    /// A number or none, where infinity is none too.
    NumberOrInfinity,
    /// Numbers, at least one.
    Numbers,
    /// Token ids.
    TokenIds,
    /// Starts and ends in seconds.
    Clips,
    /// Some of [`super::VAD_PARAMETERS`].
    VadParameters,
}

/// The largest count: what every count's field holds.
const COUNT_MAX: u64 = u32::MAX as u64;

/// Why a value is refused: what it must be instead.
type Must = String;

impl Kind {
    /// What a value must be, for messages.
    #[must_use]
    pub fn must(self) -> String {
        match self {
            Self::Choice(names) => format!("one of {}", names.join(", ")),
            Self::Text => "a text".to_owned(),
            Self::TextOrNone => "a text, or none".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::BoolOrNone => "true, false, or none".to_owned(),
            Self::Count => format!("a whole number from 0 to {COUNT_MAX}"),
            Self::CountOrNone => format!("a whole number from 0 to {COUNT_MAX}, or none"),
            Self::Number => "a number".to_owned(),
            Self::NumberOrNone | Self::NumberOrInfinity => "a number, or none".to_owned(),
            Self::Numbers => "a number or a list of numbers".to_owned(),
            Self::TokenIds => "a list of token ids".to_owned(),
            Self::Clips => "a list of numbers: start, end, start, end, … in seconds".to_owned(),
            Self::VadParameters => "a table of parameters by name".to_owned(),
        }
    }

    /// The value that a text on the command line stands for, in the form of `TranscribeOptions`' fields.
    ///
    /// # Errors
    /// What it must be instead.
    pub fn from_text(self, text: &str) -> Result<Value, Must> {
        let trimmed = text.trim();
        let parsed = match self {
            Self::Choice(names) => names.contains(&trimmed).then(|| trimmed.into()),
            Self::Text => Some(text.into()),
            Self::TextOrNone => Some(if is_none(trimmed) { Value::Null } else { text.into() }),
            Self::Bool => bool_of(trimmed),
            Self::BoolOrNone => none_or(trimmed, bool_of),
            Self::Count => count_of(trimmed),
            Self::CountOrNone => none_or(trimmed, count_of),
            Self::Number => number_of(trimmed),
            Self::NumberOrNone => none_or(trimmed, number_of),
            Self::NumberOrInfinity if is_infinity(trimmed) => Some(Value::Null),
            Self::NumberOrInfinity => none_or(trimmed, number_of),
            Self::Numbers => list_of(trimmed, number_of),
            Self::TokenIds => list_of(trimmed, token_of),
            // The reference's own default, which stands for the whole recording.
            Self::Clips if trimmed == "0" => Some(Value::Array(Vec::new())),
            Self::Clips => list_of(trimmed, number_of),
            Self::VadParameters => return vad_parameters_of(trimmed),
        };
        parsed.ok_or_else(|| self.must())
    }

    /// A file's value in the form of `TranscribeOptions`' fields. JSON's `null` and the text `none` are absence.
    ///
    /// # Errors
    /// What it must be instead.
    pub fn from_value(self, value: &Value) -> Result<Value, Must> {
        let is_number = value.is_number();
        let as_text = || value.as_str().and_then(|text| self.from_text(text).ok());
        // A text that stands for none or infinity, but not a number in quotes.
        let as_none = || if value.is_null() { Some(Value::Null) } else { as_text().filter(Value::is_null) };
        let whole = |value: &Value| count_of(&value.to_string());
        let token = |value: &Value| token_of(&value.to_string());
        let taken = match self {
            Self::Choice(_) | Self::Text => as_text(),
            Self::TextOrNone => as_none().or_else(as_text),
            Self::Bool => value.is_boolean().then(|| value.clone()),
            Self::BoolOrNone => as_none().or_else(|| value.is_boolean().then(|| value.clone())),
            Self::Count => whole(value),
            Self::CountOrNone => as_none().or_else(|| whole(value)),
            Self::Number => is_number.then(|| value.clone()),
            Self::NumberOrNone | Self::NumberOrInfinity => {
                as_none().or_else(|| is_number.then(|| value.clone()))
            }
            Self::Numbers if is_number => Some(Value::Array(vec![value.clone()])),
            Self::Numbers => all(value, |number| number.is_number().then(|| number.clone())),
            Self::TokenIds if value.is_null() => Some(Value::Array(Vec::new())),
            Self::TokenIds => as_text().or_else(|| all(value, token)),
            Self::Clips if value.is_null() => Some(Value::Array(Vec::new())),
            Self::Clips => as_text().or_else(|| clips(value)),
            Self::VadParameters => value.is_object().then(|| value.clone()),
        };
        taken.ok_or_else(|| self.must())
    }

    /// Whether a flag of this kind may stand without a value, for true.
    #[must_use]
    pub fn is_bool(self) -> bool {
        self == Self::Bool
    }

    /// Whether a value may be a negative number.
    #[must_use]
    pub fn may_be_negative(self) -> bool {
        match self {
            Self::Number | Self::NumberOrNone | Self::NumberOrInfinity => true,
            // Ranges are checked later, with a better message than that of an unknown flag.
            Self::Count | Self::CountOrNone | Self::Numbers | Self::Clips | Self::TokenIds => true,
            Self::Choice(_)
            | Self::Text
            | Self::TextOrNone
            | Self::Bool
            | Self::BoolOrNone
            | Self::VadParameters => false,
        }
    }

    /// What stands for the value in help.
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Choice(_) => "NAME",
            Self::Text | Self::TextOrNone => "TEXT",
            Self::Bool | Self::BoolOrNone => "BOOL",
            Self::Count | Self::CountOrNone => "N",
            Self::Number | Self::NumberOrNone | Self::NumberOrInfinity => "NUMBER",
            Self::Numbers | Self::TokenIds | Self::Clips => "LIST",
            Self::VadParameters => "KEY=VALUE,…",
        }
    }
}

fn is_none(text: &str) -> bool {
    text.eq_ignore_ascii_case("none")
}

fn is_infinity(text: &str) -> bool {
    text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("infinity")
}

fn none_or(text: &str, of: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    if is_none(text) { Some(Value::Null) } else { of(text) }
}

/// As JSON and as Python write them.
fn bool_of(text: &str) -> Option<Value> {
    match text {
        "true" | "True" => Some(true.into()),
        "false" | "False" => Some(false.into()),
        _ => None,
    }
}

fn count_of(text: &str) -> Option<Value> {
    text.parse::<u64>().ok().filter(|&count| count <= COUNT_MAX).map(Value::from)
}

fn number_of(text: &str) -> Option<Value> {
    // Infinity and NaN are no numbers of JSON.
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

fn token_of(text: &str) -> Option<Value> {
    text.parse::<i32>().ok().map(Value::from)
}

/// Values with commas between; nothing and `none` are no values.
fn list_of(text: &str, of: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    if text.is_empty() || is_none(text) {
        return Some(Value::Array(Vec::new()));
    }
    text.split(',').map(|item| of(item.trim())).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn all(value: &Value, of: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    value.as_array()?.iter().map(of).collect::<Option<Vec<_>>>().map(Value::Array)
}

/// A list of numbers, or as the reference's batched mode takes it: of objects with `start` and `end`.
fn clips(value: &Value) -> Option<Value> {
    let mut times = Vec::new();
    for item in value.as_array()? {
        match item {
            Value::Number(_) => times.push(item.clone()),
            Value::Object(clip) if clip.len() == 2 => {
                for name in ["start", "end"] {
                    times.push(clip.get(name).filter(|time| time.is_number())?.clone());
                }
            }
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                return None;
            }
        }
    }
    Some(Value::Array(times))
}

/// `KEY=VALUE` pairs with commas between, as an object.
fn vad_parameters_of(text: &str) -> Result<Value, Must> {
    let mut parameters = Map::new();
    for pair in text.split(',') {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("KEY=VALUE pairs with commas between, which {pair:?} is none of"))?;
        let key = key.trim();
        let Some(spec) = find(&VAD_PARAMETERS, key) else {
            let names: Vec<_> = VAD_PARAMETERS.iter().map(|spec| spec.name).collect();
            return Err(format!("of the keys {}, which {key:?} is none of", names.join(", ")));
        };
        let value = spec.kind.from_text(value).map_err(|must| format!("such that {key} is {must}"))?;
        parameters.insert(key.to_owned(), value);
    }
    Ok(Value::Object(parameters))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_and_values_give_the_fields_values() {
        let empty = json!([]);
        for (kind, text, value) in [
            (Kind::Bool, "True", json!(true)),
            (Kind::BoolOrNone, "none", Value::Null),
            (Kind::Count, " 5 ", json!(5)),
            (Kind::CountOrNone, "None", Value::Null),
            (Kind::Number, "-1", json!(-1.0)),
            (Kind::NumberOrNone, "none", Value::Null),
            (Kind::NumberOrInfinity, "inf", Value::Null),
            (Kind::Numbers, "0, 0.2", json!([0.0, 0.2])),
            (Kind::TokenIds, "-1,50", json!([-1, 50])),
            (Kind::TokenIds, "", empty.clone()),
            (Kind::Clips, "0", empty.clone()),
            (Kind::Clips, "0,3.5", json!([0.0, 3.5])),
            (Kind::TextOrNone, " Steno, none ", json!(" Steno, none ")),
            (
                Kind::VadParameters,
                "threshold=0.6, neg_threshold=none",
                json!({"threshold": 0.6, "neg_threshold": null}),
            ),
        ] {
            assert_eq!(kind.from_text(text), Ok(value), "{kind:?} of {text:?}");
        }
        for (kind, given, value) in [
            (Kind::Numbers, json!(0), json!([0])),
            (Kind::Numbers, json!([0, 0.4]), json!([0, 0.4])),
            (Kind::TokenIds, json!("-1, 7"), json!([-1, 7])),
            (Kind::TokenIds, json!([-1, 7]), json!([-1, 7])),
            (Kind::TokenIds, Value::Null, empty.clone()),
            (Kind::Clips, json!("0"), empty),
            (Kind::Clips, json!("1,2"), json!([1.0, 2.0])),
            (Kind::Clips, json!([{"start": 1, "end": 2.5}]), json!([1, 2.5])),
            (Kind::NumberOrNone, json!("none"), Value::Null),
            (Kind::NumberOrInfinity, json!("inf"), Value::Null),
            (Kind::TextOrNone, json!("none"), Value::Null),
            (Kind::BoolOrNone, Value::Null, Value::Null),
        ] {
            assert_eq!(kind.from_value(&given), Ok(value), "{kind:?} of {given}");
        }
    }

    #[test]
    fn other_texts_and_values_are_refused() {
        for (kind, text) in [
            (Kind::Bool, "yes"),
            (Kind::Count, "-1"),
            (Kind::Count, "5.0"),
            (Kind::Count, "4294967296"),
            (Kind::Number, "nan"),
            (Kind::NumberOrNone, "inf"),
            (Kind::Numbers, "0,,1"),
            (Kind::TokenIds, "1.5"),
            (Kind::Choice(&["transcribe"]), "transcribes"),
            (Kind::VadParameters, "threshold"),
            (Kind::VadParameters, "treshold=0.5"),
            (Kind::VadParameters, "threshold=high"),
        ] {
            assert!(kind.from_text(text).is_err(), "{kind:?} takes {text:?}");
        }
        for (kind, given) in [
            (Kind::Bool, json!("true")),
            (Kind::Count, json!("5")),
            (Kind::Count, json!(5.5)),
            (Kind::Count, json!(-1)),
            (Kind::Count, Value::Null),
            (Kind::Number, json!("0.5")),
            (Kind::NumberOrNone, json!("0.5")),
            (Kind::NumberOrNone, json!(true)),
            (Kind::Numbers, json!("0.5")),
            (Kind::Numbers, json!([0, "1"])),
            (Kind::TokenIds, json!([1.5])),
            (Kind::Clips, json!([{"start": 1}])),
            (Kind::Clips, json!([{"start": 1, "stop": 2}])),
            (Kind::Text, Value::Null),
            (Kind::TextOrNone, json!(5)),
            (Kind::Choice(&["transcribe"]), json!(1)),
            (Kind::VadParameters, json!("threshold=0.5")),
        ] {
            assert!(kind.from_value(&given).is_err(), "{kind:?} takes {given}");
        }
    }
}
