//! The plan of a chaos run: which fault comes when. Pure: the same settings give the same plan.

use std::time::Duration;

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use steno_tests::http_faults::HttpFault;
use steno_tests::toxiproxy::Toxic;

/// Workers of the run.
pub(crate) const WORKERS: u8 = 8;
/// How long a local lease lasts without renewal.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

const FAULTS: usize = 110;
const SEED: u64 = 20_261_128;
/// Between the beginnings of two faults.
const GAP_MS: std::ops::RangeInclusive<u64> = 50..=600;

/// What is asked of a chaos run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) faults: usize,
    /// Only faults whose name contains this.
    pub(crate) only: String,
    /// Between two faults, so many times as long as usual.
    pub(crate) gap: u32,
    /// One kind after the other, each by itself, so many faults of each.
    pub(crate) each: bool,
}

/// Something that is done to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    KillWorker(u8),
    TerminateWorker(u8),
    /// Stopped until its leases have run out, then continued.
    PauseWorker(u8),
    KillCoordinator,
    TerminateCoordinator,
    /// Stopped for longer than a lease, then continued.
    FreezeCoordinator,
    KillRedis,
    TerminateRedis,
    /// Killed, and what it wrote in its last second is lost.
    RollBackRedis,
    HangRedis,
    /// Stopped for longer than a lease, then continued.
    FreezeRedis,
    /// It is at its `maxmemory`.
    FillRedis,
    EmptyRedis,
    ForgetScripts,
    KillStore,
    TerminateStore,
    /// Stopped for longer than a lease, then continued.
    FreezeStore,
    RedisLink(Toxic),
    StoreLink(Toxic),
    /// What is sent gets lost, for longer than a lease.
    LoseRedisLink,
    /// The same.
    LoseStoreLink,
    Http(HttpFault),
    /// No space is left where recordings are worked on.
    FillSpool,
    /// No space is left where Redis keeps its data.
    FillRedisDisk,
    /// The clocks of steno and its workers are so many hours off.
    SetClocks(i8),
    /// Redis's clock goes an hour ahead, and stays there.
    AdvanceRedisClock,
}

/// A fault and when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// After the one before.
    pub(crate) after: Duration,
    pub(crate) fault: Fault,
    /// How long it lasts.
    pub(crate) hold: Duration,
    /// How many requests it meets, for those that meet requests.
    pub(crate) requests: usize,
}

impl Settings {
    /// From `STENO_CHAOS_FAULTS`, `STENO_CHAOS_SEED`, `STENO_CHAOS_ONLY`, `STENO_CHAOS_GAP` and `STENO_CHAOS_EACH`.
    ///
    /// # Errors
    /// When one is no number.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let read = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let number = |name: &str| {
            read(name).map(|text| text.parse().with_context(|| format!("{name} is {text}"))).transpose()
        };
        Ok(Self {
            seed: number("STENO_CHAOS_SEED")?.unwrap_or(SEED),
            faults: usize::try_from(number("STENO_CHAOS_FAULTS")?.unwrap_or(FAULTS as u64))?,
            only: read("STENO_CHAOS_ONLY").unwrap_or_default(),
            gap: u32::try_from(number("STENO_CHAOS_GAP")?.unwrap_or(1))?,
            each: read("STENO_CHAOS_EACH").is_some(),
        })
    }

    /// Each fault that lasts longer than a lease, once; one begins while another one lasts.
    pub(crate) fn past_the_leases() -> Self {
        let only = "past the leases".to_owned();
        Self { seed: SEED, faults: LONG.len(), only, gap: 5, each: false }
    }

    /// The same for each kind of fault whose name contains what is asked for; what lasts longer than a lease comes as seldom, beside
    /// the others, as in a plan of all.
    pub(crate) fn each_kind(&self) -> Vec<Self> {
        let mut names: Vec<String> =
            all().map(Fault::name).filter(|name| name.contains(&self.only)).collect();
        names.sort();
        names.dedup();
        let faults = |name: &String| match LONG.iter().any(|long| long.name() == *name) {
            true => self.faults.div_ceil(LONG_EVERY as usize),
            false => self.faults,
        };
        let kind = |only| Self { faults: faults(&only), only, each: false, ..self.clone() };
        names.into_iter().map(kind).collect()
    }

    /// A whole name means that kind alone: "redis killed" is in the name of another.
    fn wants(&self, name: &str) -> bool {
        let is_whole = all().any(|fault| fault.name() == self.only);
        if is_whole { name == self.only } else { name.contains(&self.only) }
    }

    /// What makes the same plan again.
    pub(crate) fn command(&self) -> String {
        let Self { seed, faults, only, gap, each: _ } = self;
        let only = if only.is_empty() { String::new() } else { format!(" ONLY='{only}'") };
        let gap = if *gap == 1 { String::new() } else { format!(" GAP={gap}") };
        format!("make chaos SEED={seed} N={faults}{only}{gap}")
    }

    /// The plan.
    ///
    /// # Errors
    /// When no fault has the name that is asked for.
    pub(crate) fn plan(&self) -> anyhow::Result<Vec<Step>> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let wanted = |faults: Vec<Fault>| -> Vec<Fault> {
            faults.into_iter().filter(|fault| self.wants(&fault.name())).collect()
        };
        let (short, long) = (wanted(deck()), wanted(LONG.to_vec()));
        anyhow::ensure!(!(short.is_empty() && long.is_empty()), "no fault is called {:?}", self.only);
        let (mut steps, mut deck, mut decks) = (Vec::new(), Vec::new(), 0_u32);
        while steps.len() < self.faults {
            if deck.is_empty() {
                deck.clone_from(&short);
                decks += 1;
                if short.is_empty() || decks.is_multiple_of(LONG_EVERY) {
                    deck.extend(&long);
                }
                deck.shuffle(&mut random);
            }
            let Some(fault) = deck.pop() else { break };
            let fault = fault.at_worker(random.random_range(0..WORKERS));
            steps.push(Step {
                after: Duration::from_millis(random.random_range(GAP_MS)) * self.gap,
                fault,
                hold: Duration::from_millis(random.random_range(fault.hold_ms())),
                requests: random.random_range(1..=6),
            });
        }
        Ok(steps)
    }
}

/// What lasts longer than a lease: it would make up most of a run's time if it came as often as the rest.
const LONG: [Fault; 5] = [
    Fault::FreezeCoordinator,
    Fault::FreezeRedis,
    Fault::FreezeStore,
    Fault::LoseRedisLink,
    Fault::LoseStoreLink,
];
/// Once in so many times that all of the others have come.
const LONG_EVERY: u32 = 4;

fn all() -> impl Iterator<Item = Fault> {
    deck().into_iter().chain(LONG)
}

/// One of each kind, and more of what happens most.
fn deck() -> Vec<Fault> {
    use Fault::*;
    let mut deck = vec![
        KillCoordinator,
        KillCoordinator,
        TerminateCoordinator,
        KillRedis,
        KillRedis,
        TerminateRedis,
        RollBackRedis,
        HangRedis,
        FillRedis,
        EmptyRedis,
        ForgetScripts,
        KillStore,
        KillStore,
        TerminateStore,
        FillSpool,
        FillRedisDisk,
        SetClocks(1),
        SetClocks(-1),
        AdvanceRedisClock,
    ];
    deck.extend([KillWorker(0); 5]);
    deck.extend([TerminateWorker(0); 3]);
    deck.extend([PauseWorker(0); 2]);
    for toxic in [
        Toxic::Latency(150),
        Toxic::Reset,
        Toxic::BlackHole,
        Toxic::HalfOpen,
        Toxic::Bandwidth(4),
        Toxic::CutAfter(2_000),
        Toxic::Refused,
    ] {
        deck.extend([RedisLink(toxic), StoreLink(toxic)]);
    }
    deck.extend(
        [
            HttpFault::InternalError,
            HttpFault::SlowDown,
            HttpFault::Truncated,
            HttpFault::Duplicated,
            HttpFault::Unanswered,
            HttpFault::WrongEtag,
            HttpFault::ClockSkew,
        ]
        .map(Http),
    );
    deck
}

impl Fault {
    /// As the report calls it.
    pub(crate) fn name(self) -> String {
        let link = |toxic| match toxic {
            Toxic::Latency(_) => "slow",
            Toxic::Reset => "reset",
            Toxic::BlackHole => "black hole",
            Toxic::HalfOpen => "half open",
            Toxic::Bandwidth(_) => "thin",
            Toxic::CutAfter(_) => "cut",
            Toxic::Refused => "refused",
        };
        match self {
            Self::KillWorker(_) => "worker killed".to_owned(),
            Self::TerminateWorker(_) => "worker terminated".to_owned(),
            Self::PauseWorker(_) => "worker stopped past its lease".to_owned(),
            Self::KillCoordinator => "steno killed".to_owned(),
            Self::TerminateCoordinator => "steno terminated".to_owned(),
            Self::FreezeCoordinator => "steno stopped past the leases".to_owned(),
            Self::KillRedis => "redis killed".to_owned(),
            Self::TerminateRedis => "redis terminated".to_owned(),
            Self::FreezeRedis => "redis stopped past the leases".to_owned(),
            Self::RollBackRedis => "redis killed, its last second lost".to_owned(),
            Self::HangRedis => "redis hangs".to_owned(),
            Self::FillRedis => "redis out of memory".to_owned(),
            Self::EmptyRedis => "redis emptied".to_owned(),
            Self::ForgetScripts => "redis forgets scripts".to_owned(),
            Self::KillStore => "store killed".to_owned(),
            Self::TerminateStore => "store terminated".to_owned(),
            Self::FreezeStore => "store stopped past the leases".to_owned(),
            Self::LoseRedisLink => "link to redis lost past the leases".to_owned(),
            Self::LoseStoreLink => "link to store lost past the leases".to_owned(),
            Self::RedisLink(toxic) => format!("link to redis {}", link(toxic)),
            Self::StoreLink(toxic) => format!("link to store {}", link(toxic)),
            Self::Http(fault) => format!("store answers {fault:?}"),
            Self::FillSpool => "spool full".to_owned(),
            Self::FillRedisDisk => "redis's disk full".to_owned(),
            Self::SetClocks(hours) => format!("clocks of steno and workers {hours:+} h"),
            Self::AdvanceRedisClock => "redis's clock +1 h".to_owned(),
        }
    }

    fn at_worker(mut self, worker: u8) -> Self {
        if let Self::KillWorker(at) | Self::TerminateWorker(at) | Self::PauseWorker(at) = &mut self {
            *at = worker;
        }
        self
    }

    fn hold_ms(self) -> std::ops::RangeInclusive<u64> {
        let lease = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::PauseWorker(_)
            | Self::FreezeCoordinator
            | Self::FreezeRedis
            | Self::FreezeStore
            | Self::LoseRedisLink
            | Self::LoseStoreLink => lease + 500..=lease + 3_000,
            Self::KillRedis
            | Self::TerminateRedis
            | Self::RollBackRedis
            | Self::KillStore
            | Self::TerminateStore => 200..=2_500,
            Self::HangRedis => 500..=3_000,
            Self::FillRedis | Self::FillSpool => 300..=1_500,
            // Redis retries every second, clocks are looked at as often.
            Self::FillRedisDisk | Self::SetClocks(_) => 1_500..=4_000,
            Self::RedisLink(_) | Self::StoreLink(_) => 300..=2_000,
            Self::KillWorker(_)
            | Self::TerminateWorker(_)
            | Self::KillCoordinator
            | Self::TerminateCoordinator
            | Self::EmptyRedis
            | Self::ForgetScripts
            | Self::AdvanceRedisClock
            | Self::Http(_) => 0..=0,
        }
    }
}

#[test]
fn a_seed_gives_one_plan_in_which_every_kind_of_fault_comes() -> anyhow::Result<()> {
    let settings = Settings { seed: 7, faults: FAULTS, only: String::new(), gap: 1, each: false };
    let plan = settings.plan()?;
    anyhow::ensure!(plan == settings.plan()? && plan.len() == FAULTS);
    anyhow::ensure!(plan != Settings { seed: 8, ..settings }.plan()?);
    let planned: std::collections::BTreeSet<String> = plan.iter().map(|step| step.fault.name()).collect();
    let all: std::collections::BTreeSet<String> = deck().into_iter().map(Fault::name).collect();
    anyhow::ensure!(planned == all, "{planned:?}");
    Ok(())
}
