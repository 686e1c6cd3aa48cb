//! A shard as its scripts leave it: what Redis keeps of each recording.

use super::guards::Guard;

/// Failed attempts and vanished workers, and times that it was given back, after which a recording is given up.
pub(crate) const LIMIT: u8 = 2;

/// Where an item is. The letters of a record in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// `r`
    Ready,
    /// `l`
    Leased,
    /// `w`
    Delayed,
    /// `d`
    Done,
    /// `x`
    Dead,
}

/// How the current epoch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ended {
    /// Not yet, or it was never claimed.
    No,
    /// `f`
    Failed,
    /// `l`
    Lost,
    /// `r`
    Released,
}

/// An item's record; `D` tells one transcript from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Item<D> {
    /// Its state.
    pub(crate) phase: Phase,
    /// The epoch of its last claim.
    pub(crate) epoch: u8,
    /// How that ended.
    pub(crate) ended: Ended,
    /// Failed attempts, vanished workers and times given back since the last requeue.
    pub(crate) fails: u8,
    /// See above.
    pub(crate) lost: u8,
    /// See above.
    pub(crate) released: u8,
    /// Of a done item, what was published.
    pub(crate) digest: Option<D>,
}

impl<D> Default for Item<D> {
    fn default() -> Self {
        Self { phase: Phase::Ready, epoch: 0, ended: Ended::No, fails: 0, lost: 0, released: 0, digest: None }
    }
}

/// What a script answers to somebody who ends a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// So it is now.
    Done,
    /// So it was already.
    Again,
    /// The lease is somebody else's by now, or nobody's.
    Superseded,
}

/// The most items that a model has.
pub(crate) const ITEMS_MAX: usize = 3;

/// What a worker was granted last: by whose request, its number, and each item with its epoch.
pub(crate) type Grant<W> = (W, u8, [Option<(u8, u8)>; ITEMS_MAX]);

/// What Redis keeps. `W` is a worker's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shard<D, W> {
    /// The items, `None` for one that Redis does not know.
    pub(crate) items: Vec<Option<Item<D>>>,
    /// Of each worker: who asked last, by which request, and what was granted: items and epochs.
    pub(crate) grants: Vec<Option<Grant<W>>>,
    /// Whether it hands out nothing.
    pub(crate) cancelled: bool,
}

impl<D: Clone + Eq, W: Copy + Eq> Shard<D, W> {
    /// A shard that knows none of so many items.
    pub(crate) fn empty(items: usize, workers: usize) -> Self {
        Self { items: vec![None; items], grants: vec![None; workers], cancelled: false }
    }

    /// `enqueue.lua`
    pub(crate) fn enqueue(&mut self, index: usize) {
        if let Some(item @ None) = self.items.get_mut(index) {
            *item = Some(Item::default());
        }
    }

    /// `claim.lua` without its sweep, which is [`Shard::take_back`] and [`Shard::promote`], for a worker that holds nothing else and
    /// wants one item. `now` is the server's clock. Gives the item and its epoch.
    pub(crate) fn claim_one(
        &mut self,
        without: Option<Guard>,
        place: usize,
        worker: W,
        request: u8,
        now: u8,
    ) -> Option<(usize, u8)> {
        self.claim(without, place, (worker, request), now, 1, |_, _| false).pop()
    }

    /// The same for up to `count` items, but those that the worker is not to have.
    pub(crate) fn claim(
        &mut self,
        without: Option<Guard>,
        place: usize,
        (worker, request): (W, u8),
        now: u8,
        count: usize,
        passes_over: impl Fn(usize, &Item<D>) -> bool,
    ) -> Vec<(usize, u8)> {
        if let Some(Some((by, last, granted))) = self.grants.get(place)
            && (*by, *last) == (worker, request)
            && without != Some(Guard::SameClaimAgain)
        {
            let is_held = |&(index, epoch): &(usize, u8)| {
                let item = self.items.get(index).and_then(Option::as_ref);
                item.is_some_and(|item| item.phase == Phase::Leased && item.epoch == epoch)
            };
            let granted = granted.iter().flatten().map(|(index, epoch)| (usize::from(*index), *epoch));
            return granted.filter(is_held).collect();
        }
        if self.cancelled && without != Some(Guard::CancelHolds) {
            return Vec::new();
        }
        let mut granted = Vec::new();
        for (index, item) in self.items.iter_mut().enumerate() {
            let Some(item) = item.as_mut().filter(|item| item.phase == Phase::Ready) else { continue };
            if granted.len() == count || passes_over(index, item) {
                continue;
            }
            item.epoch = match without {
                Some(Guard::EpochByClock) => item.epoch + 1,
                _ => (item.epoch + 1).max(now),
            };
            (item.phase, item.ended) = (Phase::Leased, Ended::No);
            granted.push((index, item.epoch));
        }
        if let Some(grant) = self.grants.get_mut(place)
            && !granted.is_empty()
        {
            let noted = |at: usize| {
                granted.get(at).map(|(index, epoch)| (u8::try_from(*index).unwrap_or(u8::MAX), *epoch))
            };
            *grant = Some((worker, request, std::array::from_fn(noted)));
        }
        granted
    }

    /// `forget.lua`; whether it was dropped.
    pub(crate) fn forget(&mut self, index: usize) -> bool {
        let Some(slot) = self.items.get_mut(index) else { return false };
        let is_dropped = slot.as_ref().is_some_and(|item| item.phase != Phase::Leased);
        if is_dropped {
            *slot = None;
        }
        is_dropped
    }

    /// A deadline has passed, and somebody's claim sees it.
    pub(crate) fn take_back(&mut self, without: Option<Guard>, index: usize) {
        let Some(Some(item)) = self.items.get_mut(index) else { return };
        if item.phase != Phase::Leased || without == Some(Guard::TakeBack) {
            return;
        }
        item.lost += 1;
        item.ended = Ended::Lost;
        let is_over = item.lost >= LIMIT && without != Some(Guard::LossLimit);
        item.phase = if is_over { Phase::Dead } else { Phase::Ready };
    }

    /// A wait is over, and somebody's claim sees it.
    pub(crate) fn promote(&mut self, index: usize) {
        if let Some(Some(item)) = self.items.get_mut(index)
            && item.phase == Phase::Delayed
        {
            item.phase = Phase::Ready;
        }
    }

    /// `complete.lua`
    pub(crate) fn complete(&mut self, without: Option<Guard>, index: usize, epoch: u8, digest: D) -> Answer {
        let Some(Some(item)) = self.items.get_mut(index) else { return Answer::Superseded };
        if item.phase == Phase::Done {
            return if item.digest == Some(digest) { Answer::Again } else { Answer::Superseded };
        }
        if item.epoch != epoch && without != Some(Guard::CompleteFenced) {
            return Answer::Superseded;
        }
        (item.phase, item.ended, item.digest) = (Phase::Done, Ended::No, Some(digest));
        Answer::Done
    }

    /// `fail.lua`; poison is dead at once.
    pub(crate) fn fail(&mut self, without: Option<Guard>, index: usize, epoch: u8, poison: bool) -> Answer {
        let Some(Some(item)) = self.items.get_mut(index) else { return Answer::Superseded };
        let is_stale = item.epoch != epoch && without != Some(Guard::FailFenced);
        let is_done = item.phase == Phase::Done && without != Some(Guard::DoneStays);
        if is_stale || is_done || item.ended == Ended::Released {
            return Answer::Superseded;
        }
        if item.ended == Ended::Failed && without != Some(Guard::EndedOnce) {
            return Answer::Again;
        }
        if item.ended == Ended::Lost && item.lost > 0 {
            item.lost -= 1;
        }
        item.fails += 1;
        item.ended = Ended::Failed;
        let is_over = poison || item.fails >= LIMIT && without != Some(Guard::FailLimit);
        item.phase = if is_over { Phase::Dead } else { Phase::Delayed };
        Answer::Done
    }

    /// `release.lua`
    pub(crate) fn release(&mut self, without: Option<Guard>, index: usize, epoch: u8) -> Answer {
        let Some(Some(item)) = self.items.get_mut(index) else { return Answer::Superseded };
        let is_stale = item.epoch != epoch && without != Some(Guard::ReleaseFenced);
        let is_done = item.phase == Phase::Done && without != Some(Guard::DoneStays);
        if is_stale || is_done || item.ended == Ended::Failed {
            return Answer::Superseded;
        }
        if item.ended == Ended::Released && without != Some(Guard::EndedOnce) {
            return Answer::Again;
        }
        if item.ended == Ended::Lost && item.lost > 0 {
            item.lost -= 1;
        }
        item.released += 1;
        item.ended = Ended::Released;
        let is_over = item.released >= LIMIT && without != Some(Guard::ReleaseLimit);
        item.phase = if is_over { Phase::Dead } else { Phase::Ready };
        Answer::Done
    }

    /// `requeue.lua`
    pub(crate) fn requeue(&mut self, without: Option<Guard>, index: usize) {
        let Some(Some(item)) = self.items.get_mut(index) else { return };
        if item.phase == Phase::Dead || without == Some(Guard::RequeueDeadOnly) {
            (item.fails, item.lost, item.released) = (0, 0, 0);
            item.phase = Phase::Ready;
        }
    }
}
