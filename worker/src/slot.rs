//! The place for the one prefetched recording, between preparing and the engine.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::lock::lock;

/// A place for one item: filled by the claiming task, emptied by the engine's thread, or by the claiming task
/// itself when it gives the item up for an idle worker.
#[derive(Debug)]
pub struct Slot<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    changed: Notify,
}

#[derive(Debug)]
struct State<T> {
    item: Option<T>,
    closed: bool,
    /// The taker is working on an item that it took.
    busy: bool,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State { item: None, closed: false, busy: false }),
            filled: Condvar::new(),
            changed: Notify::new(),
        }
    }
}

impl<T> Slot<T> {
    /// Puts an item into the empty slot; gives it back when the slot is full or closed.
    pub fn put(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.closed || state.item.is_some() {
            return Err(item);
        }
        state.item = Some(item);
        self.filled.notify_one();
        Ok(())
    }

    /// Takes the item back, if the engine has not taken it yet.
    pub fn take_back(&self) -> Option<T> {
        let item = self.lock().item.take();
        self.changed.notify_waiters();
        item
    }

    /// Waits on the engine's thread for the next item; `None` when the slot is closed and empty.
    pub fn take_blocking(&self) -> Option<T> {
        let mut state = self.lock();
        state.busy = false;
        self.changed.notify_waiters();
        loop {
            if let Some(item) = state.item.take() {
                state.busy = true;
                self.changed.notify_waiters();
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the taker finish: it gets what is in the slot, then `None`.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.changed.notify_waiters();
    }

    /// Whether the taker works on an item now.
    pub fn taker_is_busy(&self) -> bool {
        self.lock().busy
    }

    /// Whether an item waits.
    pub fn is_full(&self) -> bool {
        self.lock().item.is_some()
    }

    /// Takes the item back if it is so.
    pub fn take_back_if(&self, is_so: impl Fn(&T) -> bool) -> Option<T> {
        let item = self.lock().item.take_if(|item| is_so(item));
        self.changed.notify_waiters();
        item
    }

    /// Told when the slot is emptied or closed, and when its taker waits.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn holds_one_item_and_gives_it_back_once() {
        let slot = Slot::default();
        assert_eq!(slot.put(1), Ok(()));
        assert_eq!(slot.put(2), Err(2), "only one item may be prefetched");
        assert_eq!(slot.take_back(), Some(1));
        assert_eq!(slot.take_back(), None);
    }

    #[tokio::test]
    async fn a_taker_gets_the_last_item_and_then_the_end() {
        let slot = Arc::new(Slot::default());
        let taker = std::thread::spawn({
            let slot = Arc::clone(&slot);
            move || (slot.take_blocking(), slot.take_blocking())
        });
        slot.put(7).unwrap();
        while slot.is_full() {
            tokio::task::yield_now().await;
        }
        slot.close();
        assert_eq!(taker.join().unwrap(), (Some(7), None));
        assert_eq!(slot.put(8), Err(8), "a closed slot takes nothing");
    }
}
