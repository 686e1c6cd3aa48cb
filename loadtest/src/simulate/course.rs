//! The course of a batch, event by event.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand_distr::{Distribution as _, Exp};
use steno_shared::ahead::{Ahead, windows_expected};

use steno_shared::pace::Pace;

use super::farm::{Farm, Job};
use super::outcome::{Doing, Outcome, Span};
use super::parts::in_parts;
use super::policy::Policy;
use super::queue::{Limits, Queue, WINDOW_SECONDS};

/// Seconds of computing after which a node's speed is known.
const MEASURED_AFTER: f64 = 2.0;

/// Plays a batch. `keep_spans` keeps what each node did when.
///
/// The same arguments give the same outcome. A node with nothing to do stays as long as others hold recordings that could
/// come back, and no longer.
#[must_use]
pub fn simulate(policy: Policy, jobs: &[Job], farm: &Farm, keep_spans: bool) -> Outcome {
    let parts;
    let jobs = if policy == Policy::Steno {
        parts = in_parts(jobs, farm.speeds.len());
        &parts
    } else {
        jobs
    };
    let mut course = Course::new(policy, jobs, farm, keep_spans);
    while course.left > 0
        && let Some(event) = course.events.pop()
    {
        course.now = event.at;
        course.happen(event.what);
    }
    course.end()
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// A node has finished what it works on, or its pod has started.
    Ready {
        node: usize,
        life: u32,
    },
    Dies {
        node: usize,
    },
    /// A pod starts in a dead node's place.
    Back {
        node: usize,
    },
    /// A node looks whether it is time to claim ahead.
    Look {
        node: usize,
        life: u32,
        job: usize,
    },
    /// A node has computed long enough for its speed to be known.
    Measured {
        node: usize,
        life: u32,
    },
    /// What a dead node held can be handed out again.
    Free {
        node: usize,
        job: usize,
    },
}

#[derive(Debug)]
struct Event {
    at: f64,
    /// Events of one moment happen in the order in which they were made.
    order: u64,
    what: What,
}

#[derive(Debug)]
struct Node {
    /// How often it has died.
    life: u32,
    engine: Option<Begun>,
    /// Claimed, and not begun.
    ahead: Option<usize>,
    left_at: Option<f64>,
    /// Whether its speed is known.
    is_measured: bool,
    /// When it died, while nothing has come in its place.
    down_since: Option<f64>,
    /// Seconds for which it was down.
    down: f64,
    deaths: Option<(StdRng, Exp<f64>)>,
}

#[derive(Debug, Clone, Copy)]
struct Begun {
    job: usize,
    at: f64,
}

struct Course<'a> {
    policy: Policy,
    jobs: &'a [Job],
    farm: &'a Farm,
    queue: Queue,
    nodes: Vec<Node>,
    /// Up, and with nothing to do.
    idle: BTreeSet<usize>,
    /// With something claimed ahead.
    with_ahead: BTreeSet<usize>,
    events: BinaryHeap<Event>,
    order: u64,
    now: f64,
    /// Recordings neither done nor given up.
    left: usize,
    /// How often a recording's node died.
    lost: Vec<u8>,
    /// The sum of the speeds that are known, and how many these are, where nodes differ.
    together: Option<(f64, u32)>,
    /// Whether some node is slow, as far as is known.
    is_any_slow: bool,
    outcome: Outcome,
    keep_spans: bool,
}

impl<'a> Course<'a> {
    fn new(policy: Policy, jobs: &'a [Job], farm: &'a Farm, keep_spans: bool) -> Self {
        let count = farm.speeds.len();
        let deaths = |node: usize| {
            let faults = farm.faults?;
            let random = StdRng::seed_from_u64(faults.seed.wrapping_mul(1 << 20).wrapping_add(node as u64));
            Some((random, Exp::new(1.0 / faults.mean_life).ok()?))
        };
        let node = |node| Node {
            life: 0,
            engine: None,
            ahead: None,
            left_at: None,
            is_measured: false,
            down_since: None,
            down: 0.0,
            deaths: deaths(node),
        };
        let mut course = Self {
            policy,
            jobs,
            farm,
            queue: Queue::new(policy, jobs, count),
            nodes: (0..count).map(node).collect(),
            idle: BTreeSet::new(),
            with_ahead: BTreeSet::new(),
            events: BinaryHeap::new(),
            order: 0,
            now: 0.0,
            left: jobs.len(),
            lost: vec![0; jobs.len()],
            together: None,
            is_any_slow: false,
            outcome: Outcome::default(),
            keep_spans,
        };
        for node in 0..count {
            course.start(node);
        }
        course
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Ready { node, life } if life == self.nodes[node].life => self.ready(node),
            // Of a pod that has died.
            What::Ready { .. } => {}
            What::Look { node, life, job } => {
                let still = self.nodes[node].engine.is_some_and(|begun| begun.job == job);
                if still && life == self.nodes[node].life && self.idle.is_empty() {
                    self.claim_ahead(node);
                }
            }
            What::Measured { node, life } => {
                if life == self.nodes[node].life {
                    self.nodes[node].is_measured = true;
                    self.add_up_speeds();
                    self.let_go_what_takes_too_long();
                }
            }
            What::Dies { node } => self.dies(node),
            What::Back { node } => self.start(node),
            What::Free { node, job } => {
                self.queue.put(node, job);
                self.hand_out();
            }
        }
    }

    fn start(&mut self, node: usize) {
        if let Some(since) = self.nodes[node].down_since.take() {
            self.nodes[node].down += self.now - since;
        }
        // A pod a recording starts with its recording.
        let cold = if self.policy.starts_cold_each_time() { 0.0 } else { self.farm.cold_start };
        self.span(node, self.now, self.now + cold, Doing::Starting);
        self.after(cold, What::Ready { node, life: self.nodes[node].life });
        if let Some((random, life)) = &mut self.nodes[node].deaths {
            let lives = life.sample(random);
            self.after(lives, What::Dies { node });
        }
    }

    fn ready(&mut self, node: usize) {
        if let Some(begun) = self.nodes[node].engine.take() {
            self.outcome.busy += self.farm.seconds_for(&self.jobs[begun.job], node);
            self.outcome.makespan = self.now;
            self.outcome.done += 1;
            self.left -= 1;
            self.span(node, begun.at, self.now, Doing::Working);
        }
        self.idle.insert(node);
        self.hand_out();
        self.let_go_what_takes_too_long();
    }

    fn dies(&mut self, node: usize) {
        if self.nodes[node].left_at.is_some() {
            return;
        }
        let Some(faults) = self.farm.faults else { return };
        self.nodes[node].life += 1;
        self.nodes[node].is_measured = false;
        self.nodes[node].down_since = Some(self.now);
        self.add_up_speeds();
        self.idle.remove(&node);
        self.with_ahead.remove(&node);
        let begun = self.nodes[node].engine.take();
        if let Some(begun) = begun {
            self.outcome.begun_again += (self.now - begun.at).max(0.0);
            self.span(node, begun.at, self.now, Doing::Dying);
        }
        let held = begun.map(|begun| begun.job).into_iter().chain(self.nodes[node].ahead.take());
        let free_after = if self.policy.has_leases() { faults.lease } else { 0.0 };
        for job in held.collect::<Vec<_>>() {
            self.lost[job] = self.lost[job].saturating_add(1);
            if u32::from(self.lost[job]) >= self.policy.most_deaths() {
                self.outcome.given_up += 1;
                self.left -= 1;
            } else {
                self.after(free_after, What::Free { node, job });
            }
        }
        self.after(faults.back_after, What::Back { node });
    }

    /// Gives work to whoever has none, then lets those with work claim ahead.
    fn hand_out(&mut self) {
        let mut began = Vec::new();
        loop {
            let (mut moved, mut is_empty) = (false, false);
            for node in self.idle.clone() {
                let ahead = self.nodes[node].ahead.take();
                self.with_ahead.remove(&node);
                let limits = self.limits(node);
                let job = match ahead {
                    Some(job) => Some(job),
                    None if is_empty => None,
                    None => self.queue.take(node, true, &self.lost, limits),
                };
                if let Some(job) = job {
                    self.begin(node, job);
                    began.push(node);
                    moved = true;
                } else {
                    // With nothing in hand, who finds nothing in a common queue stands for all.
                    is_empty |= self.queue.is_common() && limits.longest.is_none();
                }
            }
            if self.idle.is_empty() || self.with_ahead.is_empty() {
                break;
            }
            for node in std::mem::take(&mut self.with_ahead) {
                if let Some(job) = self.nodes[node].ahead.take() {
                    self.queue.put(node, job);
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        if self.idle.is_empty() {
            began.into_iter().for_each(|node| self.claim_ahead(node));
        } else {
            self.leave();
        }
    }

    fn begin(&mut self, node: usize, job: usize) {
        self.idle.remove(&node);
        let cold = if self.policy.starts_cold_each_time() { self.farm.cold_start } else { 0.0 };
        self.span(node, self.now, self.now + cold, Doing::Starting);
        let at = self.now + cold;
        self.nodes[node].engine = Some(Begun { job, at });
        let takes = cold + self.farm.seconds_for(&self.jobs[job], node);
        self.after(takes, What::Ready { node, life: self.nodes[node].life });
        if self.policy.is_steno() && !self.nodes[node].is_measured {
            self.after(cold + MEASURED_AFTER, What::Measured { node, life: self.nodes[node].life });
        }
    }

    /// How fast a node is among those that are there, if it is slow and that is known.
    fn pace(&self, node: usize) -> Option<Pace> {
        let (all, workers) = self.together?;
        let is_measured = self.nodes[node].is_measured;
        Some(Pace { own: self.farm.speeds[node], all, workers }).filter(|pace| is_measured && pace.is_slow())
    }

    /// Adds up the speeds that are known of the nodes that are there; of no interest where all are equal.
    fn add_up_speeds(&mut self) {
        let speeds = &self.farm.speeds;
        if !self.policy.is_steno() || speeds.iter().all(|speed| *speed == speeds[0]) {
            return;
        }
        let is_known = |node: &Node| node.is_measured && node.left_at.is_none() && node.down_since.is_none();
        let known: Vec<f64> = self
            .nodes
            .iter()
            .zip(speeds)
            .filter(|(node, _)| is_known(node))
            .map(|(_, speed)| *speed)
            .collect();
        self.together = Some((known.iter().sum(), u32::try_from(known.len()).unwrap_or(u32::MAX)));
        self.is_any_slow = (0..self.nodes.len()).any(|node| self.pace(node).is_some());
    }

    /// Seconds of audio that are left to do.
    fn left_seconds(&self) -> f64 {
        let rest = |(node, it): (usize, &Node)| {
            let begun = it.engine.map_or(0.0, |begun| self.rest(node, begun));
            begun + it.ahead.map_or(0.0, |job| self.jobs[job].predicted)
        };
        self.queue.ready_seconds() + self.nodes.iter().enumerate().map(rest).sum::<f64>()
    }

    /// Seconds of audio that are left of what a node has begun.
    fn rest(&self, node: usize, begun: Begun) -> f64 {
        (self.jobs[begun.job].predicted - (self.now - begun.at).max(0.0) * self.farm.speeds[node]).max(0.0)
    }

    /// The longest recording that a slow node takes while others work, in seconds.
    fn longest(&self, node: usize) -> Option<f64> {
        let pace = self.pace(node)?;
        let others_work =
            self.nodes.iter().enumerate().any(|(other, it)| other != node && it.engine.is_some());
        if others_work { pace.longest(self.left_seconds()) } else { None }
    }

    fn limits(&self, node: usize) -> Limits {
        Limits { longest: self.longest(node), is_any_slow: self.is_any_slow }
    }

    /// What slow nodes have begun and others would be done with sooner goes back.
    fn let_go_what_takes_too_long(&mut self) {
        let mut is_any = false;
        for node in 0..self.nodes.len() {
            let Some(begun) = self.nodes[node].engine else { continue };
            let Some(pace) = self.pace(node) else { continue };
            let (rest, length) = (self.rest(node, begun), self.jobs[begun.job].predicted);
            if self.longest(node).is_none() || !pace.gives_back(rest, length, self.left_seconds()) {
                continue;
            }
            self.nodes[node].engine = None;
            // What was to happen when it had finished does not.
            self.nodes[node].life += 1;
            self.outcome.begun_again += (self.now - begun.at).max(0.0);
            self.span(node, begun.at, self.now, Doing::Dying);
            self.queue.put(node, begun.job);
            self.idle.insert(node);
            is_any = true;
        }
        if is_any {
            self.hand_out();
        }
    }

    fn claim_ahead(&mut self, node: usize) {
        let Some(unclaimed) = self.queue.unclaimed() else { return };
        let Some(begun) = self.nodes[node].engine else { return };
        if self.lost[begun.job] > 0 || self.nodes[node].ahead.is_some() || unclaimed == 0 {
            return;
        }
        let speed = self.farm.speeds[node];
        let left = self.jobs[begun.job].predicted - (self.now - begun.at) * speed;
        let workers = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let windows = windows_expected(left, WINDOW_SECONDS) as u64;
        let ahead = Ahead { waiting: 0, begun: windows, batch_size: 1, unclaimed, workers };
        if !ahead.wants_more() {
            let life = self.nodes[node].life;
            self.after(seconds_until_soon(left, ahead) / speed, What::Look { node, life, job: begun.job });
            return;
        }
        if let Some(job) = self.queue.take(node, false, &self.lost, self.limits(node)) {
            self.nodes[node].ahead = Some(job);
            self.with_ahead.insert(node);
        }
    }

    /// As many idle nodes stay as there are recordings that could come back; of the others each goes for good.
    fn leave(&mut self) {
        let live = self.left;
        let going: Vec<usize> = self.idle.iter().copied().skip(live).collect();
        // Who has a queue of its own, or a pod a recording, has nothing to wait for.
        let going = if self.policy.has_leases() { going } else { self.idle.iter().copied().collect() };
        for node in going {
            self.idle.remove(&node);
            self.nodes[node].left_at = Some(self.now);
        }
        self.add_up_speeds();
    }

    fn after(&mut self, seconds: f64, what: What) {
        self.order += 1;
        self.events.push(Event { at: self.now + seconds, order: self.order, what });
    }

    fn span(&mut self, node: usize, from: f64, until: f64, doing: Doing) {
        if self.keep_spans && until > from {
            self.outcome.spans.push(Span { node, from, until, doing });
        }
    }

    fn end(mut self) -> Outcome {
        // The last one may have been given up after all others were done.
        let end = self.now;
        let was_there = |node: &Node| {
            let down = node.down + node.down_since.map_or(0.0, |since| (end - since).max(0.0));
            node.left_at.unwrap_or(end).min(end) - down
        };
        self.outcome.nodes = self.nodes.iter().map(was_there).sum();
        self.outcome
    }
}

/// Seconds of audio until so little is left of what a node works on that it may claim ahead, if nobody claims meanwhile.
fn seconds_until_soon(left: f64, ahead: Ahead) -> f64 {
    /// Windows are counted as begun to the last sample.
    const A_LITTLE: f64 = 0.01;
    (left - ahead.begun_at_most() as f64 * WINDOW_SECONDS as f64).max(0.0) + A_LITTLE
}

impl Ord for Event {
    /// The earliest is the greatest: a heap gives that first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.total_cmp(&self.at).then_with(|| other.order.cmp(&self.order))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}
