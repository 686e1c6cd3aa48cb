//! The events, one by one.

use stateright::{Model, Property};

use super::guards::Guard;
use super::properties::{Wrong, rank};
use super::shard::{Answer, Phase};
use super::world::{Budget, Event, Identity, Said, Step, Worker, World};

/// A batch to explore.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    /// Recordings.
    pub(crate) items: usize,
    /// Workers.
    pub(crate) workers: usize,
    /// Faults that may happen.
    pub(crate) faults: Budget,
    /// The guard that is taken out.
    pub(crate) without: Option<Guard>,
}

impl Model for Protocol {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.items, self.workers, self.faults)]
    }

    fn actions(&self, world: &World, events: &mut Vec<Event>) {
        if world.wrong.is_some() {
            return;
        }
        (0..world.workers.len()).for_each(|worker| self.of_worker(world, worker, events));
        (0..self.items).for_each(|item| self.of_item(world, item, events));
        let left = &world.left;
        if left.rollbacks > 0 && world.disk != world.redis {
            events.extend([Event::Save, Event::Rollback]);
        }
        if left.flushes > 0 {
            events.push(Event::Flush);
        }
        if world.redis.items.contains(&None) && self.without != Some(Guard::Reconcile) {
            events.push(Event::Reconcile);
        }
        if world.redis.cancelled {
            events.push(Event::Reopen);
        } else if left.cancels > 0 {
            events.push(Event::Cancel);
        }
    }

    fn next_state(&self, world: &World, event: Event) -> Option<World> {
        let mut next = world.clone();
        next.happen(self.without, event);
        next.judge(world, event);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Self::all_properties()
    }
}

impl Protocol {
    fn of_worker(&self, world: &World, worker: usize, events: &mut Vec<Event>) {
        let left = &world.left;
        let heard = if left.lost_answers > 0 { &[true, false][..] } else { &[true] };
        let step = world.workers[worker].step;
        match step {
            Step::Down => events.push(Event::Restart(worker)),
            Step::Idle => events.extend(heard.iter().map(|heard| Event::Claim(worker, *heard))),
            Step::Asking => events.push(Event::Claim(worker, true)),
            Step::Working(..) => {
                events.push(Event::Publish(worker));
                if self.without == Some(Guard::PublishFirst) {
                    events.push(Event::Complete(worker, true));
                }
                if left.fails > 0 {
                    events.push(Event::Fail(worker, true, true));
                }
            }
            Step::Published(..) => events.extend(heard.iter().map(|heard| Event::Complete(worker, *heard))),
            Step::Unpublished(_) => events.push(Event::Publish(worker)),
        }
        if step.held().is_some() {
            if left.fails > 0 {
                events.extend(heard.iter().map(|heard| Event::Fail(worker, false, *heard)));
            }
            if left.releases > 0 {
                events.extend(heard.iter().map(|heard| Event::Release(worker, *heard)));
            }
        }
        if left.crashes > 0 && step != Step::Down {
            events.push(Event::Crash(worker));
        }
        if left.twins > 0 && step != Step::Down {
            events.push(Event::Twin(worker));
        }
        if left.repeats > 0 && world.workers[worker].said.is_some() {
            events.push(Event::Repeat(worker));
        }
    }

    fn of_item(&self, world: &World, index: usize, events: &mut Vec<Event>) {
        let Some(item) = &world.redis.items[index] else { return };
        match item.phase {
            Phase::Leased if world.left.slow > 0 || !world.is_held_by_the_living(index) => {
                events.push(Event::Expire(index));
            }
            Phase::Delayed => events.push(Event::Due(index)),
            Phase::Leased | Phase::Ready | Phase::Done | Phase::Dead => {}
        }
        let is_dead = item.phase == Phase::Dead;
        if is_dead && world.output[index].is_some() && self.without != Some(Guard::Adopt) {
            events.push(Event::Adopt(index));
        }
        if world.left.requeues > 0 && (is_dead || self.without == Some(Guard::RequeueDeadOnly)) {
            events.push(Event::Requeue(index));
        }
    }
}

impl World {
    /// Whether the worker that an item is leased to lives and works on it, or is about to hear of it.
    fn is_held_by_the_living(&self, index: usize) -> bool {
        let Some(item) = &self.redis.items[index] else { return false };
        self.workers.iter().any(|worker| {
            let is_about_to_hear =
                worker.step == Step::Asking && self.granted.contains(&(index, item.epoch, worker.identity));
            worker.step.held() == Some((index, item.epoch)) || is_about_to_hear
        })
    }

    fn happen(&mut self, without: Option<Guard>, event: Event) {
        match event {
            Event::Claim(worker, heard) => self.claim(without, worker, heard),
            Event::Publish(worker) => self.publish(without, worker),
            Event::Complete(worker, heard) => self.complete(without, worker, heard),
            Event::Fail(worker, poison, heard) => {
                if let Some((index, epoch)) = self.workers[worker].step.held() {
                    self.left.fails -= 1;
                    self.says(without, worker, Said::Fail(index, epoch, poison));
                    self.answered(worker, heard);
                }
            }
            Event::Release(worker, heard) => {
                if let Some((index, epoch)) = self.workers[worker].step.held() {
                    self.left.releases -= 1;
                    self.says(without, worker, Said::Release(index, epoch));
                    self.answered(worker, heard);
                }
            }
            Event::Crash(worker) => {
                self.left.crashes -= 1;
                self.workers[worker].step = Step::Down;
            }
            Event::Restart(worker) => {
                let identity = self.next_life(worker);
                let said = self.workers[worker].said;
                self.workers[worker] = Worker { identity, request: 0, step: Step::Idle, said };
            }
            Event::Twin(worker) => {
                self.left.twins -= 1;
                let identity = self.next_life(worker);
                self.workers.push(Worker { identity, request: 0, step: Step::Idle, said: None });
            }
            Event::Repeat(worker) => {
                if let Some(said) = self.workers[worker].said {
                    self.left.repeats -= 1;
                    self.arrives(without, worker, said);
                    // The number of a claim that found nothing is used again, but not one that has been granted something since.
                    if let Said::Claim(identity, request) = said
                        && self.workers[worker].identity == identity
                    {
                        self.workers[worker].request = request;
                    }
                    if self.left.repeats == 0 {
                        self.workers.iter_mut().for_each(|worker| worker.said = None);
                    }
                }
            }
            Event::Expire(index) => {
                if self.is_held_by_the_living(index) {
                    self.left.slow -= 1;
                }
                self.redis.take_back(without, index);
            }
            Event::Due(index) => self.redis.promote(index),
            Event::Save => self.disk = self.redis.clone(),
            Event::Rollback => {
                self.left.rollbacks -= 1;
                self.redis = self.disk.clone();
            }
            Event::Flush => {
                self.left.flushes -= 1;
                let empty = super::shard::Shard::empty(self.output.len(), self.redis.grants.len());
                (self.redis, self.disk) = (empty.clone(), empty);
            }
            Event::Reconcile => {
                for index in 0..self.output.len() {
                    // What is transcribed already is left out.
                    if self.output[index].is_none() {
                        self.redis.enqueue(index);
                    }
                }
            }
            Event::Adopt(index) => {
                if let (Some(item), Some(text)) = (&self.redis.items[index], self.output[index]) {
                    self.redis.complete(without, index, item.epoch, text);
                }
            }
            Event::Requeue(index) => {
                self.left.requeues -= 1;
                self.redis.requeue(without, index);
            }
            Event::Cancel => {
                self.left.cancels -= 1;
                self.redis.cancelled = true;
            }
            Event::Reopen => self.redis.cancelled = false,
        }
    }

    /// Who comes next in a worker's place.
    fn next_life(&self, worker: usize) -> Identity {
        let place = self.workers[worker].identity.0;
        let lives = self.workers.iter().map(|worker| worker.identity).filter(|identity| identity.0 == place);
        (place, lives.map(|(_, life)| life).max().unwrap_or_default() + 1)
    }

    /// A worker sends something, which arrives.
    fn says(&mut self, without: Option<Guard>, place: usize, said: Said) -> Option<(usize, u8)> {
        self.workers[place].said = (self.left.repeats > 0).then_some(said);
        self.arrives(without, place, said)
    }

    /// What a worker has sent reaches Redis. Gives what a claim is granted.
    fn arrives(&mut self, without: Option<Guard>, place: usize, said: Said) -> Option<(usize, u8)> {
        match said {
            Said::Claim(identity, request) => return self.grant(without, place, identity, request),
            Said::Complete(index, epoch, text) => {
                self.redis.complete(without, index, epoch, text);
            }
            Said::Fail(index, epoch, poison) => {
                self.redis.fail(without, index, epoch, poison);
            }
            Said::Release(index, epoch) => {
                self.redis.release(without, index, epoch);
            }
        }
        None
    }

    fn grant(
        &mut self,
        without: Option<Guard>,
        place: usize,
        identity: Identity,
        request: u8,
    ) -> Option<(usize, u8)> {
        let Self { redis, clock, granted, .. } = self;
        // Its name alone is that of all who were or are in its place.
        let (slot, known_as) = match without {
            Some(Guard::OwnIdentity) => (usize::from(identity.0), (identity.0, 0)),
            _ => (place, identity),
        };
        let (index, epoch) = redis.claim_one(without, slot, known_as, request, *clock)?;
        if !granted.contains(&(index, epoch, identity)) {
            granted.push((index, epoch, identity));
            granted.sort_unstable();
            *clock = (*clock).max(epoch) + 1;
        }
        Some((index, epoch))
    }

    fn claim(&mut self, without: Option<Guard>, place: usize, heard: bool) {
        let worker = &self.workers[place];
        // A request that was not answered is made again; without that guard as a new one.
        let is_again = worker.step == Step::Asking && without != Some(Guard::SameClaimAgain);
        let request = if is_again { worker.request } else { worker.request + 1 };
        let grant = self.says(without, place, Said::Claim(worker.identity, request));
        let worker = &mut self.workers[place];
        match (grant, heard) {
            (Some((index, epoch)), true) => {
                (worker.request, worker.step) = (request, Step::Working(index, epoch))
            }
            (None, true) => worker.step = Step::Idle,
            (_, false) => {
                self.left.lost_answers -= 1;
                (worker.request, worker.step) = (request, Step::Asking);
            }
        }
    }

    fn publish(&mut self, without: Option<Guard>, place: usize) {
        let worker = &mut self.workers[place];
        let (Step::Working(index, _) | Step::Unpublished(index)) = worker.step else { return };
        let text = &mut self.output[index];
        if text.is_none() || without == Some(Guard::PutIfAbsent) {
            *text = Some(worker.identity);
        }
        worker.step = match worker.step {
            Step::Working(index, epoch) => Step::Published(index, epoch, *text),
            Step::Down | Step::Idle | Step::Asking | Step::Published(..) | Step::Unpublished(_) => Step::Idle,
        };
    }

    fn complete(&mut self, without: Option<Guard>, place: usize, heard: bool) {
        if let Step::Published(index, epoch, Some(text)) = self.workers[place].step {
            self.says(without, place, Said::Complete(index, epoch, text));
            self.answered(place, heard);
        }
        let worker = &mut self.workers[place];
        match worker.step {
            Step::Working(index, epoch) => {
                let text = worker.identity;
                worker.step = match self.redis.complete(without, index, epoch, text) {
                    Answer::Superseded => Step::Idle,
                    Answer::Done | Answer::Again => Step::Unpublished(index),
                };
            }
            Step::Down | Step::Idle | Step::Asking | Step::Published(..) | Step::Unpublished(_) => {}
        }
    }

    /// A worker that hears an answer is done with its item; one that does not says the same again, or something else.
    fn answered(&mut self, place: usize, heard: bool) {
        if heard {
            self.workers[place].step = Step::Idle;
        } else {
            self.left.lost_answers -= 1;
        }
    }

    /// Notes what an event has broken.
    fn judge(&mut self, before: &Self, event: Event) {
        let changed = self.output.iter().zip(&before.output).any(|(now, then)| then.is_some() && now != then);
        if changed {
            self.wrong = Some(Wrong::TextChanged);
        }
        let restarted = matches!(event, Event::Rollback | Event::Flush);
        let again = if let Event::Repeat(worker) = event { before.workers[worker].said } else { None };
        self.misled |= restarted || again.is_some() && self.granted != before.granted;
        if again.is_some_and(|said| said.about().is_some()) && !self.misled && self.redis != before.redis {
            self.wrong = Some(Wrong::CountedTwice);
        }
        for (index, (now, then)) in self.redis.items.iter().zip(&before.redis.items).enumerate() {
            let (Some(now), Some(then)) = (now, then) else { continue };
            if then.phase == Phase::Done && now.phase != Phase::Done && !restarted {
                self.wrong = Some(Wrong::DoneUndone);
            }
            if then.phase == Phase::Leased && now.phase != Phase::Leased && event.ends_a_lease() {
                let by = event.speaker().and_then(|worker| before.holds(worker, index));
                let by_repetition = again.and_then(Said::about) == Some((index, then.epoch));
                if by != Some(then.epoch) && !by_repetition {
                    self.wrong = Some(Wrong::EndedByStranger);
                }
            }
        }
        let changes = self.wrong.is_none() && self.has_changed(before);
        if event.is_by_itself() && rank(self) >= rank(before) && changes {
            self.wrong = Some(Wrong::NoProgress);
        }
        let Event::Claim(place, heard) = event else { return };
        let worker = &self.workers[place];
        let new: Vec<&(usize, u8, Identity)> =
            self.granted.iter().filter(|grant| !before.granted.contains(grant)).collect();
        if let [(index, epoch, _)] = new[..] {
            if before.granted.iter().any(|(at, under, _)| (at, under) == (index, epoch)) {
                self.wrong = Some(Wrong::EpochTwice);
            }
            if before.redis.cancelled {
                self.wrong = Some(Wrong::GrantedWhileCancelled);
            }
        }
        let asked_before = before.workers[place].step == Step::Asking;
        let is_forgotten = |(index, item): (usize, &Option<super::shard::Item<Identity>>)| {
            item.as_ref().is_some_and(|item| {
                item.phase == Phase::Leased
                    && self.granted.contains(&(index, item.epoch, worker.identity))
                    && self.holds(place, index) != Some(item.epoch)
            })
        };
        if asked_before && heard && self.redis.items.iter().enumerate().any(is_forgotten) && !self.misled {
            self.wrong = Some(Wrong::LeaseForgotten);
        }
    }

    /// Whether an event has done more than to be sent: who finds nothing may ask for ever.
    fn has_changed(&self, before: &Self) -> bool {
        let steps = |world: &Self| world.workers.iter().map(|worker| worker.step).collect::<Vec<_>>();
        self.redis != before.redis || self.output != before.output || steps(self) != steps(before)
    }

    /// The epoch under which a worker believes to hold an item.
    fn holds(&self, worker: usize, index: usize) -> Option<u8> {
        self.workers[worker].step.held().filter(|(at, _)| *at == index).map(|(_, epoch)| epoch)
    }
}
