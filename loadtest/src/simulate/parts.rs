//! Long recordings in parts, as the planner splits them.

use std::num::NonZeroU32;

use steno_coordinator::plan::{Beside, split};
use steno_shared::batch::Splitting;
use steno_shared::recording::{DurationSource, Recording};

use super::farm::Job;

/// The jobs, the long ones in parts. Where a length is predicted wrongly, the last part is as much longer, or nothing of the parts beyond
/// the recording's end is left.
pub(super) fn in_parts(jobs: &[Job], nodes: usize) -> Vec<Job> {
    let recordings = jobs.iter().enumerate().map(|(index, job)| Recording {
        name: index.to_string(),
        etag: String::new(),
        size_bytes: 0,
        seconds: job.predicted,
        seconds_from: DurationSource::Header,
        part: None,
    });
    let workers = u32::try_from(nodes).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let beside = Beside { workers, seconds: 0.0, longest: f64::INFINITY };
    let planned = split(recordings.collect(), beside, Splitting::Auto);
    let job = |recording: Recording| {
        let whole = recording.name.parse::<usize>().ok().and_then(|index| jobs.get(index))?;
        let seconds = match recording.part {
            None => whole.seconds,
            Some(part) => {
                let end = part.end_seconds().unwrap_or(f64::INFINITY).min(whole.seconds);
                (end - part.begin_seconds()).max(0.0)
            }
        };
        Some(Job { seconds, predicted: recording.seconds })
    };
    planned.into_iter().filter_map(job).collect()
}
