//! Items as the protocol sees them.

use crate::ids::{Epoch, ItemId, WorkerId};
use crate::recording::Recording;

/// The five states; each item is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemState {
    /// Waits for a worker.
    Ready,
    /// A worker has it until a deadline.
    Leased,
    /// Failed, and waits to be tried again.
    Delayed,
    /// Published.
    Done,
    /// Given up, with a reason.
    Dead,
}

impl ItemState {
    /// All states, in the order of a listing.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Leased, Self::Delayed, Self::Done, Self::Dead];

    /// The state's name as users see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Delayed => "delayed",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Ready => "r",
            Self::Leased => "l",
            Self::Delayed => "w",
            Self::Done => "d",
            Self::Dead => "x",
        }
    }

    pub(super) fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.letter() == letter)
    }
}

impl std::fmt::Display for ItemState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What an item is, told to somebody whose lease of it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Its state.
    pub state: ItemState,
    /// The epoch of its last claim; `None` if it was never claimed (a restored Redis).
    pub epoch: Option<Epoch>,
    /// Who claimed it last.
    pub owner: Option<WorkerId>,
}

/// An item in a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRow {
    /// Its id.
    pub id: ItemId,
    /// Its state.
    pub state: ItemState,
    /// The recording; its length is the predicted one.
    pub recording: Recording,
    /// The epoch of its last claim; `None` if it was never claimed.
    pub epoch: Option<Epoch>,
    /// Attempts begun, without those given back unfinished.
    pub attempts: u32,
    /// Attempts that failed.
    pub fails: u32,
    /// Attempts whose worker vanished.
    pub lost: u32,
    /// Times it was given back unfinished.
    pub released: u32,
    /// Who has it or had it last.
    pub owner: Option<WorkerId>,
    /// Class of the last error: `retry`, `poison`, `lost` or `released`.
    pub error_class: Option<String>,
    /// The last error.
    pub error: Option<String>,
    /// Digest of what was published, if done.
    pub digest: Option<String>,
    /// Leased: milliseconds until the deadline; delayed: until it is due. Negative when past.
    pub due_in_ms: Option<i64>,
}
