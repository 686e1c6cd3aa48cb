//! Reading what scripts answer.

use redis::{FromRedisValue, Value};

use super::error::LeaseError;
use super::item::{Current, ItemState};
use crate::ids::{Epoch, WorkerId};

/// A script's answer, read field by field.
pub(super) struct Reply<'a> {
    doing: &'a str,
    fields: std::vec::IntoIter<Value>,
}

impl<'a> Reply<'a> {
    pub(super) fn new(doing: &'a str, value: Value) -> Result<Self, LeaseError> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "any other value is wrong here")]
        match value {
            Value::Array(fields) => Ok(Self { doing, fields: fields.into_iter() }),
            other => {
                Err(LeaseError::corrupt(doing, format!("Redis answered {other:?} where a list was expected")))
            }
        }
    }

    /// The next field.
    pub(super) fn next<T: FromRedisValue>(&mut self, what: &str) -> Result<T, LeaseError> {
        let value = self.fields.next().ok_or_else(|| self.bad(what, "it is missing"))?;
        redis::from_redis_value(value).map_err(|error| self.bad(what, error))
    }

    /// The next field, which is a number or empty.
    pub(super) fn next_number(&mut self, what: &str) -> Result<Option<u64>, LeaseError> {
        let text: String = self.next(what)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|error| self.bad(what, error))
    }

    /// The next field, `None` when empty.
    pub(super) fn next_text(&mut self, what: &str) -> Result<Option<String>, LeaseError> {
        Ok(Some(self.next::<String>(what)?).filter(|text| !text.is_empty()))
    }

    /// The next field, which is a state's letter.
    pub(super) fn next_state(&mut self) -> Result<ItemState, LeaseError> {
        let letter: String = self.next("state")?;
        ItemState::from_letter(&letter).ok_or_else(|| self.bad("state", format!("{letter:?} is none")))
    }

    /// The fields that follow, all of one kind.
    pub(super) fn rest<T: FromRedisValue>(mut self, what: &str) -> Result<Vec<T>, LeaseError> {
        let mut rest = Vec::with_capacity(self.fields.len());
        while self.fields.len() > 0 {
            rest.push(self.next(what)?);
        }
        Ok(rest)
    }

    /// The fields that follow, each a list of its own.
    pub(super) fn rows(self) -> impl Iterator<Item = Result<Reply<'a>, LeaseError>> {
        let doing = self.doing;
        self.fields.map(move |value| Reply::new(doing, value))
    }

    /// What an item is now: three fields, or none when Redis does not know it.
    pub(super) fn current(mut self) -> Result<Option<Current>, LeaseError> {
        if self.fields.len() == 0 {
            return Ok(None);
        }
        let state = self.next_state()?;
        let epoch = self.next_number("epoch")?.map(Epoch);
        let owner = self.next_text("owner")?.map(WorkerId::from_text);
        Ok(Some(Current { state, epoch, owner }))
    }

    /// An answer whose first word is not one of the script's.
    pub(super) fn unknown(&self, word: &str) -> LeaseError {
        self.bad("answer", format!("{word:?} is none of the script's"))
    }

    pub(super) fn bad(&self, what: &str, why: impl std::fmt::Display) -> LeaseError {
        LeaseError::corrupt(self.doing, format!("the field {what:?} of Redis's answer is unusable: {why}"))
    }
}
