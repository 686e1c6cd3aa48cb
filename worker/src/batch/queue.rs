//! The windows of all prepared recordings in one queue: in the order of their recordings, and in order within each.

use std::collections::VecDeque;
use std::sync::Arc;

/// Names a recording in the queue and in the engine's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Recordings `R` that wait for the engine, with features `F` of the windows that come next.
///
/// Each window goes its way once: features are begun, are there, the window is taken. Features are begun in the
/// queue's order and for a bounded number of windows, so that a recording of ten hours takes no more memory than one
/// of a minute.
#[derive(Debug)]
pub struct WindowQueue<R, F> {
    entries: VecDeque<Entry<R, F>>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Entry<R, F> {
    ticket: Ticket,
    recording: Arc<R>,
    n_windows: usize,
    n_taken: usize,
    /// Features of the windows from `n_taken` on, as far as they were begun; `None` while they are computed.
    ahead: VecDeque<Option<F>>,
}

/// Features to be computed.
#[derive(Debug)]
pub struct Job<R> {
    /// Whose.
    pub ticket: Ticket,
    /// The recording.
    pub recording: Arc<R>,
    /// Which window.
    pub index: usize,
}

/// A window that the engine takes.
#[derive(Debug)]
pub struct Ready<R, F> {
    /// Whose.
    pub ticket: Ticket,
    /// The recording.
    pub recording: Arc<R>,
    /// Which window.
    pub index: usize,
    /// Its features.
    pub features: F,
}

/// What the engine takes at once.
#[derive(Debug)]
pub struct Taken<R, F> {
    /// Windows.
    pub windows: Vec<Ready<R, F>>,
    /// Recordings without any window: they are done.
    pub empty: Vec<Arc<R>>,
}

impl<R, F> Taken<R, F> {
    /// Whether it is nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.windows.is_empty() && self.empty.is_empty()
    }
}

impl<R, F> Default for WindowQueue<R, F> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), next_ticket: 0 }
    }
}

impl<R, F> Entry<R, F> {
    fn n_waiting(&self) -> usize {
        self.n_windows - self.n_taken
    }
}

impl<R, F> WindowQueue<R, F> {
    /// Puts a prepared recording of `n_windows` windows at the end.
    pub fn push(&mut self, recording: R, n_windows: usize) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.entries.push_back(Entry {
            ticket,
            recording: Arc::new(recording),
            n_windows,
            n_taken: 0,
            ahead: VecDeque::new(),
        });
        ticket
    }

    /// The next window whose features are to be computed, unless `bound` windows have theirs already or soon.
    pub fn begin(&mut self, bound: usize) -> Option<Job<R>> {
        let begun: usize = self.entries.iter().map(|entry| entry.ahead.len()).sum();
        if begun >= bound {
            return None;
        }
        let entry = self.entries.iter_mut().find(|entry| entry.ahead.len() < entry.n_waiting())?;
        let index = entry.n_taken + entry.ahead.len();
        entry.ahead.push_back(None);
        Some(Job { ticket: entry.ticket, recording: Arc::clone(&entry.recording), index })
    }

    /// Takes the features of a window in. Those of a recording that left the queue meanwhile are dropped.
    pub fn computed(&mut self, ticket: Ticket, index: usize, features: F) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.ticket == ticket)
            && let Some(place) = index.checked_sub(entry.n_taken).and_then(|at| entry.ahead.get_mut(at))
        {
            *place = Some(features);
        }
    }

    /// Takes up to `most` windows whose features are there, and all recordings that have none.
    pub fn take(&mut self, most: usize) -> Taken<R, F> {
        let mut taken = Taken { windows: Vec::new(), empty: Vec::new() };
        for entry in &mut self.entries {
            while taken.windows.len() < most
                && let Some(Some(_)) = entry.ahead.front()
                && let Some(Some(features)) = entry.ahead.pop_front()
            {
                taken.windows.push(Ready {
                    ticket: entry.ticket,
                    recording: Arc::clone(&entry.recording),
                    index: entry.n_taken,
                    features,
                });
                entry.n_taken += 1;
            }
            if entry.n_windows == 0 {
                taken.empty.push(Arc::clone(&entry.recording));
            }
        }
        self.entries.retain(|entry| entry.n_waiting() > 0);
        taken
    }

    /// Takes out the recordings of which no window was taken yet.
    pub fn take_back(&mut self) -> Vec<Arc<R>> {
        self.remove(|entry| entry.n_taken == 0)
    }

    /// Drops what is left of a recording.
    pub fn forget(&mut self, ticket: Ticket) {
        self.remove(|entry| entry.ticket == ticket);
    }

    /// Takes out the recordings that are as `is_lost` says and of which no window was taken yet: those with one are
    /// in the engine's hands.
    pub fn take_lost(&mut self, is_lost: impl Fn(&R) -> bool) -> Vec<Arc<R>> {
        self.remove(|entry| entry.n_taken == 0 && is_lost(&entry.recording))
    }

    /// How many windows wait; a recording that has none counts as one, for it is held as well.
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        self.entries.iter().map(|entry| entry.n_waiting().max(1)).sum()
    }

    /// How many windows wait.
    #[must_use]
    pub fn n_windows(&self) -> usize {
        self.entries.iter().map(Entry::n_waiting).sum()
    }

    /// How many windows can be taken now.
    #[must_use]
    pub fn n_ready(&self) -> usize {
        let ready =
            |entry: &Entry<R, F>| entry.ahead.iter().take_while(|features| features.is_some()).count();
        self.entries.iter().map(ready).sum()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a recording waits of which no window was taken yet.
    #[must_use]
    pub fn has_untouched(&self) -> bool {
        self.entries.iter().any(|entry| entry.n_taken == 0)
    }

    fn remove(&mut self, which: impl Fn(&Entry<R, F>) -> bool) -> Vec<Arc<R>> {
        let (removed, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.entries).into_iter().partition(|entry| which(entry));
        self.entries = kept;
        removed.into_iter().map(|entry| entry.recording).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    type Queue = WindowQueue<&'static str, (u64, usize)>;

    fn compute_all(queue: &mut Queue, bound: usize) {
        while let Some(job) = queue.begin(bound) {
            queue.computed(job.ticket, job.index, (job.ticket.0, job.index));
        }
    }

    #[test]
    fn a_batch_takes_windows_from_as_many_recordings_as_it_needs() {
        let mut queue = Queue::default();
        for (name, n_windows) in [("a", 1), ("b", 3), ("silent", 0), ("c", 2)] {
            queue.push(name, n_windows);
        }
        assert_eq!((queue.n_waiting(), queue.n_windows(), queue.n_ready()), (7, 6, 0));
        compute_all(&mut queue, 5);
        assert_eq!(queue.n_ready(), 5);
        let taken = queue.take(3);
        let names: Vec<_> = taken.windows.iter().map(|ready| (*ready.recording, ready.index)).collect();
        assert_eq!(names, [("a", 0), ("b", 0), ("b", 1)]);
        assert_eq!(taken.empty.iter().map(|name| **name).collect::<Vec<_>>(), ["silent"]);
        assert_eq!(queue.take_back().iter().map(|name| **name).collect::<Vec<_>>(), ["c"], "b is begun");
        assert_eq!(queue.take(9).windows.len(), 1);
        assert!(queue.is_empty() && queue.take(9).is_nothing());
    }

    #[test]
    fn a_window_that_is_still_computed_holds_back_only_its_own_recording() {
        let mut queue = Queue::default();
        queue.push("a", 2);
        queue.push("b", 1);
        let [first, second, third] = [9, 9, 9].map(|bound| queue.begin(bound).unwrap());
        queue.computed(second.ticket, second.index, (0, 1));
        queue.computed(third.ticket, third.index, (1, 0));
        assert_eq!(queue.n_ready(), 1);
        let taken: Vec<_> = queue.take(9).windows.iter().map(|ready| ready.features).collect();
        assert_eq!(taken, [(1, 0)]);
        queue.computed(first.ticket, first.index, (0, 0));
        let taken: Vec<_> = queue.take(9).windows.iter().map(|ready| ready.features).collect();
        assert_eq!(taken, [(0, 0), (0, 1)]);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Push(usize),
        Begin(usize),
        Compute(usize),
        Take(usize),
        TakeBack,
        Forget(u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0..6_usize).prop_map(Act::Push),
            (1..9_usize).prop_map(Act::Begin),
            (0..9_usize).prop_map(Act::Compute),
            (0..9_usize).prop_map(Act::Take),
            Just(Act::TakeBack),
            (0..9_u64).prop_map(Act::Forget),
        ]
    }

    proptest! {
        /// Whatever happens: no window is lost or doubled, each recording's come in order, with their own features,
        /// and never are more than the bound begun.
        #[test]
        fn windows_come_once_and_in_order(acts in prop::collection::vec(act(), 1..120)) {
            const BOUND: usize = 8;
            let mut queue: WindowQueue<usize, (u64, usize)> = WindowQueue::default();
            // Windows by ticket; seen windows by ticket; jobs under way.
            let mut expected: HashMap<u64, usize> = HashMap::new();
            let mut seen: HashMap<u64, usize> = HashMap::new();
            let mut jobs: Vec<(Ticket, usize)> = Vec::new();
            let mut empty = 0;
            let mut n_empty = 0;
            let to_the_end = [Act::Begin(99), Act::Compute(99), Act::Take(99)];
            for act in acts.into_iter().chain(to_the_end.into_iter().cycle().take(600)) {
                match act {
                    Act::Push(n_windows) => {
                        let ticket = queue.push(n_windows, n_windows);
                        if n_windows == 0 { n_empty += 1 } else { expected.insert(ticket.0, n_windows); }
                    }
                    Act::Begin(n) => for _ in 0..n {
                        if let Some(job) = queue.begin(BOUND) {
                            jobs.push((job.ticket, job.index));
                        }
                    },
                    // The latest first, so that features come out of order.
                    Act::Compute(n) => for _ in 0..n {
                        if let Some((ticket, index)) = jobs.pop() {
                            queue.computed(ticket, index, (ticket.0, index));
                        }
                    },
                    Act::Take(n) => {
                        let taken = queue.take(n);
                        prop_assert!(taken.windows.len() <= n);
                        empty += taken.empty.len();
                        for ready in taken.windows {
                            prop_assert_eq!(ready.features, (ready.ticket.0, ready.index));
                            let next = seen.entry(ready.ticket.0).or_default();
                            prop_assert_eq!(ready.index, *next, "out of order");
                            *next += 1;
                        }
                    }
                    Act::TakeBack => {
                        let back = queue.take_back();
                        for n_windows in back {
                            if *n_windows == 0 { n_empty -= 1; }
                        }
                        let untouched: Vec<u64> =
                            expected.keys().filter(|ticket| !seen.contains_key(ticket)).copied().collect();
                        for ticket in untouched {
                            expected.remove(&ticket);
                            jobs.retain(|job| job.0.0 != ticket);
                        }
                    }
                    Act::Forget(ticket) => {
                        if let Some(n_windows) = expected.get_mut(&ticket) {
                            queue.forget(Ticket(ticket));
                            *n_windows = seen.get(&ticket).copied().unwrap_or(0);
                            jobs.retain(|job| job.0.0 != ticket);
                        }
                    }
                }
                let ahead: usize = queue.entries.iter().map(|entry| entry.ahead.len()).sum();
                prop_assert!(ahead <= BOUND, "{} windows are held", ahead);
            }
            for (ticket, n_windows) in expected {
                prop_assert_eq!(seen.get(&ticket).copied().unwrap_or(0), n_windows, "windows of {} were lost", ticket);
            }
            prop_assert_eq!(empty, n_empty);
            prop_assert!(queue.is_empty());
        }
    }
}
