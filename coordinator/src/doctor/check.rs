//! One thing that was looked at.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// How it is.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "text")]
pub enum Outcome {
    /// As it should be.
    Good(String),
    /// It could not be looked at, or is worth knowing.
    Note(String),
    /// It is wrong, with what to do.
    Bad(String),
}

impl Check {
    /// As it should be.
    pub fn good(what: &str, text: impl Into<String>) -> Self {
        Self { what: what.to_owned(), outcome: Outcome::Good(text.into()) }
    }

    /// Could not be looked at, or is worth knowing.
    pub fn note(what: &str, text: impl Into<String>) -> Self {
        Self { what: what.to_owned(), outcome: Outcome::Note(text.into()) }
    }

    /// Wrong, with what to do.
    pub fn bad(what: &str, text: impl Into<String>) -> Self {
        Self { what: what.to_owned(), outcome: Outcome::Bad(text.into()) }
    }

    /// From what looking at it came to.
    pub fn of(what: &str, looked: Result<String, Failure>) -> Self {
        match looked {
            Ok(text) => Self::good(what, text),
            Err(failure) => Self::bad(what, failure.message),
        }
    }

    /// Whether it is wrong.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        matches!(self.outcome, Outcome::Bad(_))
    }
}

/// The checks as a person reads them, a line each.
#[must_use]
pub fn report(checks: &[Check]) -> String {
    let mut out = String::new();
    for Check { what, outcome } in checks {
        let (mark, text) = match outcome {
            Outcome::Good(text) => ("ok  ", text),
            Outcome::Note(text) => ("note", text),
            Outcome::Bad(text) => ("BAD ", text),
        };
        let _ = writeln!(out, "{mark}  {what}: {text}");
    }
    out.truncate(out.trim_end().len());
    out
}
