//! From the batch's last state to the summary.

use std::time::Instant;

use steno_shared::batch::BatchMeta;
use steno_shared::ids::ShardId;
use steno_shared::leases::{ItemState, Leases};

use super::rounds::Played;
use super::standing::Standing;
use crate::failure::Failure;
use crate::listing;
use crate::progress::Snapshot;
use crate::state::StateFolder;
use crate::summary::{Failed, Summary};

/// How many failures the summary carries.
const FAILURES_MAX: usize = 1000;

pub(super) async fn summarise(
    leases: &Leases,
    meta: &BatchMeta,
    played: &Played,
    started: Instant,
    folder: &StateFolder,
) -> Result<Summary, Failure> {
    let Played { outcome, backlog, finished_before, .. } = played;
    let after = Snapshot::read(leases, meta.shards).await?;
    let standing = Standing::read(leases, meta, after.totals, backlog.split > 0).await?;
    let mut failures = Vec::new();
    for shard in (0..meta.shards).map(ShardId) {
        for row in listing::all(leases, shard, Some(ItemState::Dead)).await? {
            failures.push(Failed {
                part: row.recording.part.map(|part| [part.index + 1, part.count]),
                name: row.recording.name,
                id: row.id.as_str().to_owned(),
                class: row.error_class.unwrap_or_default(),
                error: row.error.unwrap_or_default(),
            });
        }
    }
    failures.sort_by(|a, b| (&a.name, a.part).cmp(&(&b.name, b.part)));
    failures.truncate(FAILURES_MAX);
    let audio_seconds =
        (played.audio_ms + after.totals.done_ms.saturating_sub(played.done_ms_before)) as f64 / 1000.0;
    let wall_seconds = started.elapsed().as_secs_f64();
    Ok(Summary {
        outcome: *outcome,
        recordings: backlog.recordings,
        done: (backlog.published + standing.done).saturating_sub(*finished_before),
        skipped: *finished_before,
        kept: backlog.kept,
        left_out: backlog.left_out,
        failed: standing.dead,
        left: standing.open,
        failures,
        audio_seconds,
        wall_seconds,
        engine_busy: played.engine_time.busy(),
        speed: if wall_seconds > 0.0 { audio_seconds / wall_seconds } else { 0.0 },
        output: meta.output.clone(),
        state: folder.shown(),
    })
}
