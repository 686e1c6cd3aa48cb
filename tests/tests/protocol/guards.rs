//! What keeps the promises, piece by piece: each can be taken out to see which promise falls.

/// A guard of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Guard {
    /// A transcript is put only where none is: `If-None-Match: *`.
    PutIfAbsent,
    /// A transcript is published before its lease is completed.
    PublishFirst,
    /// An epoch is never below the server's clock, so that a Redis restored from an old file hands out none again.
    EpochByClock,
    /// The same claim again gives the same lease.
    SameClaimAgain,
    /// A lease whose deadline has passed is taken back.
    TakeBack,
    /// A recording whose workers vanish is given up after the second.
    LossLimit,
    /// A recording that is given back again and again is given up in the end.
    ReleaseLimit,
    /// A recording whose attempts fail is given up after the last.
    FailLimit,
    /// A completion counts only while its epoch is the item's.
    CompleteFenced,
    /// An attempt's failure counts only while its epoch is the item's.
    FailFenced,
    /// What is given back counts only while its epoch is the item's.
    ReleaseFenced,
    /// How an epoch ended is noted, so that who says so twice is counted once.
    EndedOnce,
    /// Who asks is one life of a place, never the place alone.
    OwnIdentity,
    /// What is done stays done, whatever is said of it later.
    DoneStays,
    /// Only what is dead is put back.
    RequeueDeadOnly,
    /// What Redis has forgotten is enqueued again, unless its transcript is there.
    Reconcile,
    /// What is given up though its transcript is there is taken for done: its workers died between publishing and saying so.
    Adopt,
    /// A batch that was cancelled hands out nothing.
    CancelHolds,
}
