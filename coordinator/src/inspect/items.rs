//! `steno items`: the recordings of a batch by state, with their errors.

use serde::Serialize;
use steno_shared::ids::ShardId;
use steno_shared::leases::{ItemRow, ItemState, Leases};

use crate::failure::Failure;
use crate::listing;
use crate::quantities::{audio_seconds, counted, name};

/// Which items to list.
#[derive(Debug, Clone, Default)]
pub struct ItemFilter {
    /// Only those in this state.
    pub state: Option<ItemState>,
}

/// A state's name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[expect(missing_docs, reason = "the states' own names")]
pub enum StateName {
    Ready,
    Leased,
    Delayed,
    Done,
    Dead,
}

impl From<StateName> for ItemState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Ready => Self::Ready,
            StateName::Leased => Self::Leased,
            StateName::Delayed => Self::Delayed,
            StateName::Done => Self::Done,
            StateName::Dead => Self::Dead,
        }
    }
}

/// An item, as `--json` prints it: one object a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// The item's id.
    pub id: String,
    /// The recording's name.
    pub name: String,
    /// `ready`, `leased`, `delayed`, `done` or `dead`.
    pub state: &'static str,
    /// Which part of the recording it is, from 1, and of how many, where the recording is worked on in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<[u32; 2]>,
    /// The predicted length of the recording, or of the part, in seconds.
    pub seconds: f64,
    /// Attempts begun.
    pub attempts: u32,
    /// Attempts that failed.
    pub fails: u32,
    /// Attempts whose worker vanished.
    pub lost: u32,
    /// Class of the last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    /// The last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who has or had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}

/// Calls `each` for the items of a batch, shard by shard and in no order.
///
/// # Errors
/// If Redis does not answer.
pub async fn items(
    leases: &Leases,
    shards: u32,
    filter: &ItemFilter,
    mut each: impl FnMut(Item),
) -> Result<(), Failure> {
    for shard in (0..shards).map(ShardId) {
        listing::for_each(leases, shard, filter.state, |row| each(Item::from(row))).await?;
    }
    Ok(())
}

impl From<ItemRow> for Item {
    fn from(row: ItemRow) -> Self {
        Self {
            id: row.id.as_str().to_owned(),
            part: row.recording.part.map(|part| [part.index + 1, part.count]),
            name: row.recording.name,
            state: row.state.name(),
            seconds: row.recording.seconds,
            attempts: row.attempts,
            fails: row.fails,
            lost: row.lost,
            error_class: row.error_class,
            error: row.error,
            worker: row.owner.map(|owner| owner.name().to_owned()),
        }
    }
}

impl Item {
    /// The item on one line.
    #[must_use]
    pub fn text(&self) -> String {
        let length = audio_seconds(self.seconds);
        let part = self.part.map(|[part, of]| format!(", part {part} of {of}")).unwrap_or_default();
        let mut line = format!("{}  {:<7}  {length:>9}  {}{part}", self.id, self.state, name(&self.name, 80));
        if let Some(error) = &self.error {
            let class = self.error_class.as_deref().unwrap_or("error");
            line += &format!(
                "\n{:18}{class} after {}: {}",
                "",
                counted(self.attempts.into(), "attempt"),
                name(error, 400)
            );
        }
        line
    }
}
