//! What must hold in every state, and in the end.

use stateright::{Model as _, Property};

use super::model::Protocol;
use super::shard::{LIMIT, Phase};
use super::world::{Step, World};

/// A promise broken by an event, which the state after it need not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wrong {
    /// A transcript that could be read was replaced by another text.
    TextChanged,
    /// A done item is done no more, and Redis was not restarted.
    DoneUndone,
    /// Two workers were given the same item under the same epoch.
    EpochTwice,
    /// A lease was ended by somebody who did not hold it, before its deadline.
    EndedByStranger,
    /// A living worker was given a lease that it never heard of, though it asked again.
    LeaseForgotten,
    /// A batch that was cancelled handed out a lease.
    GrantedWhileCancelled,
    /// What a worker had said already changed something when it arrived once more.
    CountedTwice,
    /// Something happened by itself, and no recording and no worker is nearer to its end.
    NoProgress,
}

/// The properties' names.
pub(crate) mod names {
    /// See [`super::Wrong::TextChanged`].
    pub(crate) const TEXT_STANDS: &str = "a transcript that can be read never changes";
    /// See [`super::Wrong::DoneUndone`].
    pub(crate) const DONE_STAYS: &str = "what is done stays done";
    /// See [`super::Wrong::EpochTwice`].
    pub(crate) const ONE_HOLDER: &str = "an item has one holder under an epoch";
    /// See [`super::Wrong::EndedByStranger`].
    pub(crate) const OWN_LEASES: &str = "a lease ends by its holder or its deadline";
    /// See [`super::Wrong::LeaseForgotten`].
    pub(crate) const KNOWN_LEASES: &str = "a living worker that asked again knows what it holds";
    /// See [`super::Wrong::GrantedWhileCancelled`].
    pub(crate) const CANCELLED: &str = "a cancelled batch hands out nothing";
    /// See [`super::Wrong::CountedTwice`].
    pub(crate) const ONCE: &str = "what is said twice counts once";
    /// See [`super::Wrong::NoProgress`].
    pub(crate) const PROGRESS: &str = "what happens by itself leads on";
    /// Of each done item.
    pub(crate) const DONE_IS_PUBLISHED: &str = "what is done has its transcript";
    /// Of each item.
    pub(crate) const LIMITS: &str = "no item costs more than its limits";
    /// When nothing more can happen.
    pub(crate) const ENDS: &str = "every recording ends";
    /// When nothing more can happen.
    pub(crate) const ONE_END: &str = "no recording ends both transcribed and given up";
}

/// How far everything is from its end. All that happens by itself makes it less, so that between two faults, of which there are only so many, only so
/// much can happen; and as long as a recording has not ended something can ([`names::ENDS`]): every recording ends, if only what can
/// happen does in the end.
pub(super) fn rank(world: &World) -> u32 {
    let of_item = |(item, text): (&Option<super::shard::Item<_>>, &Option<_>)| {
        let Some(item) = item else { return if text.is_none() { 3 * LIMIT + 4 } else { 0 } };
        // A claim, a deadline that passes and a wait for each worker that may still vanish.
        let left = 3 * LIMIT.saturating_sub(item.lost);
        match item.phase {
            Phase::Delayed => left + 3,
            Phase::Ready => left + 2,
            Phase::Leased => left + 1,
            Phase::Dead => 1,
            Phase::Done => 0,
        }
    };
    let of_worker = |worker: &super::world::Worker| match worker.step {
        Step::Down => 5,
        Step::Asking => 4,
        Step::Working(..) => 3,
        Step::Unpublished(_) => 2,
        Step::Published(..) => 1,
        Step::Idle => 0,
    };
    let items: u32 = world.redis.items.iter().zip(&world.output).map(of_item).map(u32::from).sum();
    // Whoever claims an item has more before him than the idle: the item weighs more.
    items * 10 + world.workers.iter().map(of_worker).sum::<u32>()
}

impl Protocol {
    /// Whether each recording has its transcript or is among the dead, or the user wants no more.
    pub(super) fn has_ended(world: &World) -> bool {
        world.redis.cancelled
            || world.redis.items.iter().zip(&world.output).all(|(item, text)| match item {
                Some(item) => matches!(item.phase, Phase::Done | Phase::Dead),
                None => text.is_some(),
            })
    }

    /// Whether anything more happens by itself: not what a user may do, nor a fault.
    fn goes_on(&self, world: &World) -> bool {
        let mut events = Vec::new();
        self.actions(world, &mut events);
        events.iter().any(|event| event.is_by_itself() && self.next_state(world, *event).is_some())
    }

    pub(super) fn all_properties() -> Vec<Property<Self>> {
        fn is(world: &World, wrong: Wrong) -> bool {
            world.wrong == Some(wrong)
        }
        vec![
            Property::always(names::TEXT_STANDS, |_, world: &World| !is(world, Wrong::TextChanged)),
            Property::always(names::DONE_STAYS, |_, world: &World| !is(world, Wrong::DoneUndone)),
            Property::always(names::ONE_HOLDER, |_, world: &World| !is(world, Wrong::EpochTwice)),
            Property::always(names::OWN_LEASES, |_, world: &World| !is(world, Wrong::EndedByStranger)),
            Property::always(names::KNOWN_LEASES, |_, world: &World| !is(world, Wrong::LeaseForgotten)),
            Property::always(names::CANCELLED, |_, world: &World| !is(world, Wrong::GrantedWhileCancelled)),
            Property::always(names::ONCE, |_, world: &World| !is(world, Wrong::CountedTwice)),
            Property::always(names::PROGRESS, |_, world: &World| !is(world, Wrong::NoProgress)),
            Property::always(names::DONE_IS_PUBLISHED, |_, world: &World| {
                world.redis.items.iter().zip(&world.output).all(|(item, text)| match item {
                    Some(item) if item.phase == Phase::Done => text.is_some() && item.digest == *text,
                    Some(_) | None => true,
                })
            }),
            Property::always(names::LIMITS, |_, world: &World| {
                let within = |count: u8| count <= LIMIT;
                let mut items = world.redis.items.iter().flatten();
                items.all(|item| within(item.lost) && within(item.fails) && within(item.released))
            }),
            Property::always(names::ENDS, |model: &Self, world: &World| {
                Self::has_ended(world) || model.goes_on(world)
            }),
            Property::always(names::ONE_END, |model: &Self, world: &World| {
                let is_both = world.redis.items.iter().zip(&world.output).any(|(item, text)| {
                    item.as_ref().is_some_and(|item| item.phase == Phase::Dead) && text.is_some()
                });
                !is_both || model.goes_on(world)
            }),
            // What happened at all: a model in which nothing does would hold every promise.
            Property::sometimes(
                "two workers hold one recording one after the other, and publish",
                |_, world: &World| {
                    let grants = world.granted.iter();
                    world.output[0].is_some() && grants.filter(|(index, ..)| *index == 0).count() > 1
                },
            ),
            Property::sometimes("a recording is given up", |_, world: &World| {
                world.redis.items.iter().flatten().any(|item| item.phase == Phase::Dead)
            }),
            Property::sometimes("all is done", |_, world: &World| {
                world
                    .redis
                    .items
                    .iter()
                    .all(|item| item.as_ref().is_some_and(|item| item.phase == Phase::Done))
            }),
        ]
    }
}
