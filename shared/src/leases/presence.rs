//! Who works on a batch, and who may leave.

use serde::{Deserialize, Serialize};

use redis::Value;

use super::error::LeaseError;
use super::keys::{idle_key, worker_keys};
use super::queue::{Args, Leases};
use super::reply::Reply;
use super::request::Request;
use super::scripts::{COUNT_IDLE, IDLE, REPORT_WORKER, WORKERS};
use crate::ids::WorkerId;

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Its identity.
    pub worker: WorkerId,
    /// Its place among the workers of the run, from 0.
    pub index: u32,
    /// What it is doing.
    pub phase: Phase,
    /// Name of the recording it is working on.
    pub recording: Option<String>,
    /// Seconds of that recording that are transcribed.
    pub position_seconds: f64,
    /// Length of that recording in seconds.
    pub length_seconds: f64,
    /// Recordings that it has finished since its start.
    pub finished: u64,
    /// Seconds of audio that it has finished since its start.
    pub finished_seconds: f64,
    /// Seconds of audio that are transcribed of all recordings it holds.
    #[serde(default)]
    pub in_hand_seconds: f64,
    /// Seconds that its engine has computed since its start …
    #[serde(default)]
    pub busy_seconds: f64,
    /// … and seconds between the begin of its first window and the end of its last.
    #[serde(default)]
    pub engine_seconds: f64,
    /// Seconds of audio that its engine gets through in a second of computing, lately; 0 while that is not known.
    #[serde(default)]
    pub speed: f64,
    /// Whether that is slow beside the others.
    #[serde(default)]
    pub is_slow: bool,
}

/// What the workers of a batch that are present tell together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Together {
    /// The sum of their speeds, as far as they are known, in seconds of audio a second.
    pub speed: f64,
    /// How many are known.
    pub known: u32,
    /// Seconds of audio that are transcribed of the recordings that they hold.
    pub in_hand_seconds: f64,
    /// How many of them find themselves slow.
    pub slow: u32,
}

impl WorkerReport {
    /// What a worker says that has done nothing yet.
    #[must_use]
    pub fn idle(worker: WorkerId, index: u32) -> Self {
        Self {
            worker,
            index,
            phase: Phase::Idle,
            recording: None,
            position_seconds: 0.0,
            length_seconds: 0.0,
            finished: 0,
            finished_seconds: 0.0,
            in_hand_seconds: 0.0,
            busy_seconds: 0.0,
            engine_seconds: 0.0,
            speed: 0.0,
            is_slow: false,
        }
    }
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nothing to claim.
    Idle,
    /// Fetching the recording.
    Fetching,
    /// Decoding the audio.
    Decoding,
    /// Generating text.
    Transcribing,
    /// Writing the transcript.
    Publishing,
}

/// Whether an idle worker waits or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleDecision {
    /// Wait: somebody may die and leave work behind.
    Stay,
    /// Enough others wait, or nothing is left to wait for.
    Leave,
}

/// The answer to an idle worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleAdvice {
    /// Wait or leave.
    pub decision: IdleDecision,
    /// Other idle workers.
    pub others_idle: u64,
}

impl Leases {
    /// Tells what a worker is doing; forgotten after `ttl_ms` without another report. Gives what all workers tell together.
    ///
    /// # Errors
    /// As any call.
    pub async fn report_worker(&self, report: &WorkerReport, ttl_ms: u64) -> Result<Together, LeaseError> {
        let doing = format!("report worker {} to batch {}", report.worker, self.batch);
        let json = serde_json::to_string(report).map_err(|error| LeaseError::corrupt(&doing, error))?;
        let thousandths = |number: f64| (number.clamp(0.0, 1e9) * 1000.0) as u64;
        let args = Args::default()
            .and(&report.worker)
            .and(json)
            .and(ttl_ms)
            .and(thousandths(report.speed))
            .and(thousandths(report.in_hand_seconds))
            .and(u8::from(report.is_slow));
        let answer = self.script(&doing, &REPORT_WORKER, &worker_keys(&self.batch), args).await?;
        read_together(&doing, answer)
    }

    /// The reports of the workers that are present, by index. A report that this version cannot read is left out.
    ///
    /// # Errors
    /// As any call.
    pub async fn workers(&self) -> Result<Vec<WorkerReport>, LeaseError> {
        let doing = format!("list the workers of batch {}", self.batch);
        let answer = self.script(&doing, &WORKERS, &worker_keys(&self.batch), Args::default()).await?;
        read_reports(&doing, answer)
    }

    /// Asks, with nothing to claim in any shard, whether to wait or to leave. `live` is the number of leased and
    /// delayed items of the whole batch ([`super::ShardCounts::live`]): that many idle workers stay, so that the death of any
    /// holder finds somebody. Say it again within `ttl_ms`, or be counted out.
    ///
    /// # Errors
    /// As any call.
    pub async fn idle(&self, worker: &WorkerId, ttl_ms: u64, live: u64) -> Result<IdleAdvice, LeaseError> {
        let doing = format!("report worker {worker} idle to batch {}", self.batch);
        let args = Args::default().and(worker).and(ttl_ms).and(live);
        read_advice(&doing, self.script(&doing, &IDLE, &[idle_key(&self.batch)], args).await?)
    }

    /// Tells that a worker has claimed something and is idle no more.
    ///
    /// # Errors
    /// As any call.
    pub async fn busy(&self, worker: &WorkerId) -> Result<(), LeaseError> {
        let doing = format!("report worker {worker} busy to batch {}", self.batch);
        let mut command = redis::cmd("ZREM");
        command.arg(idle_key(&self.batch)).arg(worker.as_str());
        self.request(&doing, Request::Command(command)).await?;
        Ok(())
    }

    /// How many workers are waiting for work: whoever holds a prefetched item gives it up when there are any.
    ///
    /// # Errors
    /// As any call.
    pub async fn idle_workers(&self) -> Result<u64, LeaseError> {
        let doing = format!("count the idle workers of batch {}", self.batch);
        let keys = [idle_key(&self.batch)];
        let answer = self.script(&doing, &COUNT_IDLE, &keys, Args::default()).await?;
        super::batch::count(&doing, answer)
    }
}

pub(super) fn read_reports(doing: &str, answer: Value) -> Result<Vec<WorkerReport>, LeaseError> {
    let reports: Vec<String> = Reply::new(doing, answer)?.rest("report")?;
    let mut reports: Vec<WorkerReport> =
        reports.iter().filter_map(|json| serde_json::from_str(json).ok()).collect();
    reports.sort_by(|a, b| (a.index, &a.worker).cmp(&(b.index, &b.worker)));
    Ok(reports)
}

pub(super) fn read_together(doing: &str, answer: Value) -> Result<Together, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    let thousandths = |number: i64| number.max(0) as f64 / 1000.0;
    Ok(Together {
        speed: thousandths(reply.next("speed")?),
        known: u32::try_from(reply.next::<i64>("known")?).unwrap_or(0),
        in_hand_seconds: thousandths(reply.next("in hand")?),
        slow: u32::try_from(reply.next::<i64>("slow")?).unwrap_or(0),
    })
}

pub(super) fn read_advice(doing: &str, answer: Value) -> Result<IdleAdvice, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    let decision = match reply.next::<String>("answer")?.as_str() {
        "stay" => IdleDecision::Stay,
        "leave" => IdleDecision::Leave,
        other => return Err(reply.unknown(other)),
    };
    Ok(IdleAdvice { decision, others_idle: reply.next("others")? })
}
