//! The place between preparing and the engine in batched mode: the queue of windows, with threads that make their
//! features ahead of the engine.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::batch::{FOR_A_FULLER_BATCH, Fill, Job, Taken, Ticket, WindowQueue};
use crate::features::{MelFilters, WindowFeatures};
use crate::held::HeldItem;
use crate::lock::lock;
use crate::prepare::{Prepared, Work};

/// Features of a window, `[n_mels, 3000]`, or why its samples could not be read.
pub type Features = io::Result<Vec<f32>>;

/// What the engine takes.
pub type TakenWindows = Taken<Prepared, Features>;

/// Holds prepared recordings until the engine has taken all their windows.
#[derive(Debug)]
pub struct WindowRoom {
    state: Mutex<State>,
    /// A recording came, or the engine took windows: features can be begun.
    begin: Condvar,
    /// Features are there, or nothing more comes.
    ready: Condvar,
    changed: Notify,
    batch_size: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    queue: WindowQueue<Prepared, Features>,
    /// Recordings that are being prepared.
    coming: usize,
    closed: bool,
    engine_is_busy: bool,
}

impl Default for WindowRoom {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            begin: Condvar::new(),
            ready: Condvar::new(),
            changed: Notify::new(),
            batch_size: AtomicUsize::new(1),
        }
    }
}

impl WindowRoom {
    /// Puts a prepared recording in; gives it back when the room is closed.
    ///
    /// # Errors
    /// The recording itself.
    pub fn put(&self, prepared: Prepared) -> Result<(), Box<Prepared>> {
        let mut state = self.lock();
        if state.closed {
            return Err(Box::new(prepared));
        }
        let n_windows = match &prepared.work {
            Work::Hear { speech, .. } => speech.n_windows(),
            Work::Transcribe { .. } | Work::Simulate(_) | Work::AlreadyPublished(_) => 0,
        };
        state.queue.push(prepared, n_windows);
        drop(state);
        self.tell_all();
        Ok(())
    }

    /// Says how many recordings are being prepared: an idle engine waits a moment for them.
    pub fn expect(&self, coming: usize) {
        self.lock().coming = coming;
        self.ready.notify_all();
    }

    /// Takes back the recordings of which the engine has no window yet.
    pub fn take_back(&self) -> Vec<Arc<HeldItem>> {
        let back = self.lock().queue.take_back();
        self.tell_all();
        back.iter().map(|prepared| Arc::clone(&prepared.item)).collect()
    }

    /// Takes out the recordings whose leases are lost and of which the engine has no window yet.
    pub fn take_lost(&self) -> Vec<Arc<HeldItem>> {
        let lost = self.lock().queue.take_lost(|prepared| prepared.item.is_lost());
        if !lost.is_empty() {
            self.tell_all();
        }
        lost.iter().map(|prepared| Arc::clone(&prepared.item)).collect()
    }

    /// Lets the engine finish: it gets what is there, then nothing more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.tell_all();
    }

    /// Windows that wait; those in the engine's hands not counted.
    pub fn n_waiting(&self) -> usize {
        self.lock().queue.n_waiting()
    }

    /// Whether a recording waits of which the engine has no window yet.
    pub fn has_untouched(&self) -> bool {
        self.lock().queue.has_untouched()
    }

    /// Whether the engine works on windows now.
    pub fn engine_is_busy(&self) -> bool {
        self.lock().engine_is_busy
    }

    /// Windows of a batch.
    pub fn batch_size(&self) -> usize {
        self.batch_size.load(Ordering::Relaxed)
    }

    /// Says how many windows a batch has: known when the model is loaded, and less after memory ran out.
    pub fn set_batch_size(&self, batch_size: usize) {
        self.batch_size.store(batch_size.max(1), Ordering::Relaxed);
    }

    /// Completes when something changes after the first poll.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// On the engine's thread: up to `most` windows, once there are enough (see [`Fill`]). If the engine is `idle`, waits
    /// until there is something; `None` when nothing more will come.
    pub fn take(&self, most: usize, idle: bool) -> Option<TakenWindows> {
        let mut state = self.lock();
        let mut something_since = None;
        loop {
            if state.queue.is_empty() && idle {
                if state.closed {
                    return None;
                }
                // What was there may have been taken back.
                something_since = None;
            } else {
                let fill = Fill {
                    room: most,
                    ready: state.queue.n_ready(),
                    waiting: state.queue.n_windows(),
                    more_prepared: state.coming > 0 && !state.closed,
                    idle,
                    waited: something_since.get_or_insert_with(Instant::now).elapsed(),
                };
                if fill.is_enough() {
                    let taken = state.queue.take(most);
                    state.engine_is_busy = true;
                    drop(state);
                    self.begin.notify_all();
                    self.changed.notify_waiters();
                    return Some(taken);
                }
            }
            if idle && state.engine_is_busy {
                state.engine_is_busy = false;
                self.changed.notify_waiters();
            }
            state = self.wait_for_more(state, something_since);
        }
    }

    /// Whether windows wait.
    pub fn has_windows(&self) -> bool {
        self.lock().queue.n_windows() > 0
    }

    /// On the engine's thread: drops what waits of a recording that it is done with.
    pub fn forget(&self, ticket: Ticket) {
        self.lock().queue.forget(ticket);
        self.begin.notify_all();
    }

    /// On the engine's thread: waits until nothing more is put in.
    pub fn until_closed(&self) {
        let mut state = self.lock();
        state.engine_is_busy = false;
        while !state.closed {
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes features of windows until the room is closed and empty: for threads of its own. Two batches at most are
    /// made ahead.
    pub fn make_features(&self, filters: MelFilters) {
        let mut features = WindowFeatures::new(filters);
        while let Some(job) = self.next_job() {
            // The engine waits for an answer, so a panic must give one too.
            let made = catch_unwind(AssertUnwindSafe(|| match &job.recording.work {
                Work::Hear { speech, .. } => speech.read(job.index).and_then(|samples| features.of(samples)),
                Work::Transcribe { .. } | Work::Simulate(_) | Work::AlreadyPublished(_) => Ok(Vec::new()),
            }));
            let made = made.unwrap_or_else(|_| Err(io::Error::other("making features panicked")));
            self.lock().queue.computed(job.ticket, job.index, made);
            self.ready.notify_all();
        }
    }

    /// Closes the room and drops what waits: the engine's thread is gone.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queue = WindowQueue::default();
        drop(state);
        self.tell_all();
    }

    /// Wakes all who wait for the queue: features can be begun, a batch may be ready, there may be room.
    fn tell_all(&self) {
        self.begin.notify_all();
        self.ready.notify_all();
        self.changed.notify_waiters();
    }

    fn next_job(&self) -> Option<Job<Prepared>> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.begin(2 * self.batch_size()) {
                return Some(job);
            }
            if state.closed && state.queue.is_empty() {
                return None;
            }
            state = self.begin.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for a change; if there is something already, until it was waited long enough for a fuller batch, after which only
    /// a change counts.
    fn wait_for_more<'a>(
        &self,
        state: MutexGuard<'a, State>,
        something_since: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        match something_since.and_then(|since| FOR_A_FULLER_BATCH.checked_sub(since.elapsed())) {
            None => self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(left) => self.ready.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
