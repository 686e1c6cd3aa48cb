//! What is prepared ahead of the engine: one recording in sequential mode, windows of many in batched mode.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::held::HeldItem;
use crate::prepare::Prepared;
use crate::slot::Slot;
use crate::window_room::WindowRoom;

/// The place between preparing and the engine, by the mode.
#[derive(Debug, Clone)]
pub enum Prefetch {
    /// One whole recording.
    One(Arc<Slot<Prepared>>),
    /// Windows of as many recordings as the next batch needs.
    Windows(Arc<WindowRoom>),
}

impl Prefetch {
    /// Puts a prepared recording in.
    ///
    /// # Errors
    /// The recording itself, when the place is closed or full.
    pub fn put(&self, prepared: Prepared) -> Result<(), Box<Prepared>> {
        match self {
            Self::One(slot) => slot.put(prepared).map_err(Box::new),
            Self::Windows(room) => room.put(prepared),
        }
    }

    /// Says how many recordings are being prepared.
    pub fn expect(&self, coming: usize) {
        match self {
            Self::One(_) => (),
            Self::Windows(room) => room.expect(coming),
        }
    }

    /// Takes back what the engine has not begun.
    pub fn take_back(&self) -> Vec<Arc<HeldItem>> {
        match self {
            Self::One(slot) => slot.take_back().into_iter().map(|prepared| prepared.item).collect(),
            Self::Windows(room) => room.take_back(),
        }
    }

    /// Takes out what the engine has not begun and whose lease is lost.
    pub fn take_lost(&self) -> Vec<Arc<HeldItem>> {
        match self {
            Self::One(slot) => slot
                .take_back_if(|prepared| prepared.item.is_lost())
                .into_iter()
                .map(|lost| lost.item)
                .collect(),
            Self::Windows(room) => room.take_lost(),
        }
    }

    /// Lets the engine finish.
    pub fn close(&self) {
        match self {
            Self::One(slot) => slot.close(),
            Self::Windows(room) => room.close(),
        }
    }

    /// Whether something waits that the engine has not begun.
    #[must_use]
    pub fn has_untouched(&self) -> bool {
        match self {
            Self::One(slot) => slot.is_full(),
            Self::Windows(room) => room.has_untouched(),
        }
    }

    /// How much waits: windows, or recordings.
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        match self {
            Self::One(slot) => usize::from(slot.is_full()),
            Self::Windows(room) => room.n_waiting(),
        }
    }

    /// How much the engine takes at once.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Windows(room) => room.batch_size(),
        }
    }

    /// Whether the engine works on something now.
    #[must_use]
    pub fn engine_is_busy(&self) -> bool {
        match self {
            Self::One(slot) => slot.taker_is_busy(),
            Self::Windows(room) => room.engine_is_busy(),
        }
    }

    /// Told of every change.
    #[must_use]
    pub fn changed(&self) -> &Notify {
        match self {
            Self::One(slot) => slot.changed(),
            Self::Windows(room) => room.changed(),
        }
    }
}
