//! `steno status` of a batch in a cluster: one text, from the batch's record, its leases, its Job and pods.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use steno_shared::leases::{Phase as WorkerPhase, WorkerReport};

use super::job_state::JobState;
use super::pods::{PodState, PodView};
use super::record::{Phase, Record};
use super::settings::Price;
use crate::progress::Totals;
use crate::quantities::{audio_seconds, counted, grouped, name, wall};

/// How many reasons for which pods were replaced are told.
const REPLACED_MAX: usize = 5;

/// A batch's state, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterStatus {
    /// The batch.
    pub batch: String,
    /// Where the recordings are.
    pub input: String,
    /// Where the transcripts go.
    pub output: String,
    /// The model's name.
    pub model: String,
    /// `intake`, `running`, `finished`, `cancelled` or `failed`.
    pub phase: Phase,
    /// Why it failed, or what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether nothing more will happen by itself.
    pub settled: bool,
    /// What happened to its Jobs, the latest last.
    pub events: Vec<String>,
    /// Recordings by state and their audio; absent before the input was looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// Entries of the input that cannot be listed or followed.
    pub left_out: u64,
    /// Recordings that were transcribed before.
    pub published: u64,
    /// Its launch, from 1; 0 before any.
    pub launch: u32,
    /// Whether its Job is held back, by a queue or a user.
    pub suspended: bool,
    /// What is left at the present speed, in seconds; absent while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    /// The Job's places, by shard.
    pub nodes: Vec<NodeStatus>,
    /// Pods that did not end well and have another in their place, the most frequent reason first.
    pub replaced: Vec<ReplacedPods>,
    /// Hours that nodes were in use.
    pub node_hours: f64,
    /// What they cost, if the price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// In what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A place of the Job: its pod, or why it has none, and the worker in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeStatus {
    /// The pod.
    #[serde(flatten)]
    pub pod: PodView,
    /// What its worker does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerDoing>,
}

/// Pods of the Job that ended for one reason, and were replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplacedPods {
    /// Why.
    pub because: String,
    /// How many.
    pub pods: u64,
}

/// What a worker does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkerDoing {
    /// Its phase.
    pub phase: WorkerPhase,
    /// The recording it works on.
    pub recording: Option<String>,
    /// How far it is in that, in seconds.
    pub position_seconds: f64,
    /// That recording's length in seconds.
    pub length_seconds: f64,
    /// Audio that it has transcribed since its start, in seconds.
    pub finished_seconds: f64,
}

impl ClusterStatus {
    /// Brings together what was read.
    #[must_use]
    pub fn of(
        record: &Record,
        totals: Option<Totals>,
        job: &JobState,
        pods: Vec<PodView>,
        workers: &[WorkerReport],
        price: Option<&Price>,
    ) -> Self {
        let course = &record.course;
        let node_hours = course.node_seconds / 3600.0;
        let found = course.found.unwrap_or_default();
        let (latest, replaced) = by_place(pods);
        let mut nodes: Vec<NodeStatus> = latest
            .into_iter()
            .map(|pod| {
                let worker = workers
                    .iter()
                    .find(|worker| Some(worker.worker.name()) == pod.name.as_deref())
                    .map(doing);
                NodeStatus { pod, worker }
            })
            .collect();
        nodes.sort_by_key(|node| node.pod.index);
        Self {
            batch: record.batch.to_string(),
            input: record.request.input.clone(),
            output: record.request.output.clone(),
            model: record.request.model.clone(),
            phase: course.phase,
            message: course.message.clone(),
            settled: record.is_settled(),
            events: course.events.clone(),
            totals,
            left_out: found.left_out,
            published: found.published,
            launch: course.launch,
            suspended: matches!(job, JobState::Active { suspended: true, .. }),
            seconds_left: totals.and_then(|totals| seconds_left(totals, workers)),
            nodes,
            replaced,
            node_hours,
            cost: price.map(|price| node_hours * price.per_node_hour),
            currency: price.map(|price| price.currency.clone()),
        }
    }

    /// The state as a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", self.headline());
        if let Some(message) = &self.message {
            for line in message.lines() {
                let _ = writeln!(out, "  {}", name(line, 600));
            }
        }
        if let Some(totals) = &self.totals {
            let rows = [
                (totals.done, "done"),
                (self.published, "transcribed before"),
                (totals.leased, "being worked on"),
                (totals.ready, "waiting"),
                (totals.delayed, "waiting to be tried again"),
                (totals.dead, "failed (see `steno items --kube --failed`)"),
                (self.left_out, "left out: they cannot be listed"),
            ];
            totals.write(&mut out, &rows);
        }
        for node in &self.nodes {
            let _ = writeln!(out, "  {}", node.text());
        }
        for ReplacedPods { because, pods } in self.replaced.iter().take(REPLACED_MAX) {
            let was = if *pods == 1 { "was" } else { "were" };
            let _ = writeln!(out, "  {} {was} replaced: {}", counted(*pods, "pod"), name(because, 300));
        }
        if let Some(more) = self.replaced.get(REPLACED_MAX..).filter(|more| !more.is_empty()) {
            let pods = more.iter().map(|replaced| replaced.pods).sum();
            let _ = writeln!(out, "  {} replaced for other reasons (see --json)", counted(pods, "more pod"));
        }
        for event in &self.events {
            let _ = writeln!(out, "  {event}");
        }
        if self.node_hours > 0.0 {
            let cost = match (self.cost, &self.currency) {
                (Some(cost), Some(currency)) => format!(", about {cost:.2} {currency}"),
                _ => String::new(),
            };
            let _ = writeln!(out, "{:.2} node-hours{cost}", self.node_hours);
        }
        out.truncate(out.trim_end().len());
        out
    }

    /// The state in one line, for a log.
    #[must_use]
    pub fn line(&self) -> String {
        let counts = self.totals.map(|totals| {
            format!(", {} of {} done or given up", grouped(totals.done + totals.dead), totals.all())
        });
        let waiting = self.nodes.iter().find_map(|node| match &node.pod.state {
            PodState::Waiting { because } => Some(format!("; shard {} waits: {because}", node.pod.index)),
            PodState::Running | PodState::Leaving { .. } | PodState::Succeeded | PodState::Failed { .. } => {
                None
            }
        });
        format!("{}{}{}", self.is(), counts.unwrap_or_default(), waiting.unwrap_or_default())
    }

    fn headline(&self) -> String {
        format!(
            "{} to {}, model {}, batch {}: {}",
            self.input,
            self.output,
            self.model,
            self.batch,
            self.is()
        )
    }

    fn is(&self) -> String {
        let at_work = self.nodes.iter().filter(|node| node.pod.state == PodState::Running).count();
        match self.phase {
            Phase::Finished | Phase::Cancelled | Phase::Failed if !self.settled => {
                "about to go on; waiting for the coordinator".to_owned()
            }
            Phase::Intake => "its input is being looked through".to_owned(),
            Phase::Running if self.suspended => "waiting in its queue for nodes".to_owned(),
            Phase::Running if self.nodes.is_empty() => "about to start".to_owned(),
            Phase::Running => {
                let left = self.seconds_left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                let left = left.map(|left| format!(", about {} left", wall(left))).unwrap_or_default();
                format!("running on {}{left}", counted(at_work as u64, "node"))
            }
            Phase::Finished => match self.totals.map_or(0, |totals| totals.dead) {
                0 => "finished; nothing runs any more".to_owned(),
                dead => format!(
                    "finished, {} failed; nothing runs any more (put them back with `steno requeue --kube`)",
                    grouped(dead)
                ),
            },
            Phase::Cancelled => {
                "cancelled; nothing runs any more (the same `steno submit` goes on)".to_owned()
            }
            Phase::Failed => {
                "failed; nothing runs any more (mend what is wrong and submit it again)".to_owned()
            }
        }
    }
}

impl NodeStatus {
    fn text(&self) -> String {
        let node = self.pod.node.as_deref().unwrap_or("no node yet");
        let does = match (&self.pod.state, &self.worker) {
            (PodState::Waiting { because }, _) => because.clone(),
            (PodState::Running, Some(worker)) => worker.text(),
            (PodState::Running, None) => "loading the model".to_owned(),
            (PodState::Leaving { node_lost: true }, _) => {
                "its node does not answer; others do its work".to_owned()
            }
            (PodState::Leaving { node_lost: false }, _) => "leaving".to_owned(),
            (PodState::Succeeded, _) => "has left: nothing was there for it any more".to_owned(),
            (PodState::Failed { because }, _) => format!("failed: {}", name(because, 300)),
        };
        format!("shard {:<3} {node}: {does}", self.pod.index)
    }
}

impl WorkerDoing {
    fn text(&self) -> String {
        let recording = self.recording.as_deref().map(|text| name(text, 60)).unwrap_or_default();
        match self.phase {
            WorkerPhase::Idle => "idle".to_owned(),
            WorkerPhase::Fetching => format!("fetching {recording}"),
            WorkerPhase::Decoding => format!("decoding {recording}"),
            WorkerPhase::Publishing => format!("publishing {recording}"),
            WorkerPhase::Transcribing => {
                format!(
                    "{recording}, {} of {}",
                    audio_seconds(self.position_seconds),
                    audio_seconds(self.length_seconds)
                )
            }
        }
    }
}

/// Of each index the pod that counts: one that is or will be at work, else the one made last, which Kubernetes lists last.
/// And of the others those that did not end well, by why.
fn by_place(pods: Vec<PodView>) -> (Vec<PodView>, Vec<ReplacedPods>) {
    let mut by_index: BTreeMap<u32, PodView> = BTreeMap::new();
    let mut replaced: BTreeMap<String, u64> = BTreeMap::new();
    let rank = |pod: &PodView| match pod.state {
        PodState::Running => 3,
        PodState::Waiting { .. } => 2,
        PodState::Leaving { .. } | PodState::Succeeded => 1,
        PodState::Failed { .. } => 0,
    };
    for pod in pods {
        let other = match by_index.get(&pod.index) {
            Some(there) if rank(there) > rank(&pod) => Some(pod),
            Some(_) | None => by_index.insert(pod.index, pod),
        };
        if let Some(PodView { state: PodState::Failed { because }, .. }) = other {
            *replaced.entry(because).or_default() += 1;
        }
    }
    let mut replaced: Vec<ReplacedPods> =
        replaced.into_iter().map(|(because, pods)| ReplacedPods { because, pods }).collect();
    replaced.sort_by_key(|replaced| std::cmp::Reverse(replaced.pods));
    (by_index.into_values().collect(), replaced)
}

fn doing(report: &WorkerReport) -> WorkerDoing {
    WorkerDoing {
        phase: report.phase,
        recording: report.recording.clone(),
        position_seconds: report.position_seconds,
        length_seconds: report.length_seconds,
        finished_seconds: report.finished_seconds,
    }
}

/// Wall time left at the speed of the workers since each one's first window; `None` until they have finished something.
fn seconds_left(totals: Totals, workers: &[WorkerReport]) -> Option<f64> {
    let speed: f64 = workers
        .iter()
        .filter(|worker| worker.engine_seconds > 0.0)
        .map(|worker| (worker.finished_seconds + worker.in_hand_seconds) / worker.engine_seconds)
        .sum();
    let behind_ms = totals.done_ms + totals.dead_ms;
    let in_hand: f64 = workers.iter().map(|worker| worker.in_hand_seconds).sum();
    let left = totals.audio_ms.saturating_sub(behind_ms) as f64 / 1000.0 - in_hand;
    (speed > 0.0 && totals.open() > 0).then(|| left.max(0.0) / speed)
}

#[cfg(test)]
mod tests;
