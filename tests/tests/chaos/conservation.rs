//! What must hold after a round: each recording has one transcript, of its own content, or is among the failed with its reason,
//! and nothing else is left.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use steno_shared::batch::BatchMeta;
use steno_shared::ids::ShardId;
use steno_shared::output_name::transcript_key;
use steno_shared::simulated::MARKER;
use steno_tests::steno::Ended;
use steno_tests::{invariants, lease_invariants, transcripts};

use crate::backlog::{Recording, bad_names};
use crate::report::Report;
use crate::site::{Place, Site};

pub(crate) fn check(
    site: &Site,
    place: &Place,
    recordings: &[Recording],
    report: &mut Report,
) -> anyhow::Result<()> {
    let expected: BTreeMap<String, &Recording> = recordings
        .iter()
        .filter(|recording| !recording.is_bad)
        .map(|recording| (transcript_key(&recording.name, "json"), recording))
        .collect();
    let (mut found, mut waiting) = (BTreeSet::new(), BTreeSet::new());
    for (key, (bytes, _)) in transcripts::files(&site.output(place))? {
        if key == MARKER {
            continue;
        }
        // Parts wait for the others of their recording, should the one that failed be put back.
        if let Some(part) = key.strip_prefix(".steno-part-") {
            waiting.insert(part.chars().take(14).collect::<String>());
            continue;
        }
        let recording = expected.get(&key).with_context(|| format!("{key:?} is nobody's transcript"))?;
        let transcript = transcripts::valid(&key, &bytes)?;
        let said = transcripts::texts(&transcript);
        ensure!(
            said == recording.texts()?,
            "{key:?} is not the transcript of its recording, but says {said:?}"
        );
        found.insert(key);
    }
    let n_bad = recordings.iter().filter(|recording| recording.is_bad).count();
    ensure!(
        waiting.len() <= n_bad,
        "parts are left of {} recordings, and only {n_bad} failed",
        waiting.len()
    );
    let without: Vec<&String> = expected.keys().filter(|key| !found.contains(*key)).collect();
    ensure!(without.is_empty(), "no transcript: {without:?}");
    for (path, times) in site.http.created() {
        // A part may be made again by who does not know yet that its recording is done; he removes it.
        let is_part = path.contains("/.steno-part-");
        let is_transcript = path.starts_with(&place.output_path()) && path.ends_with(".json") && !is_part;
        ensure!(!is_transcript || times == 1, "{path} was created {times} times");
    }

    let items = place.world.items(&[])?;
    let names = |state: &str| -> BTreeSet<&str> {
        items.iter().filter(|item| item["state"] == state).filter_map(|item| item["name"].as_str()).collect()
    };
    let bad = bad_names(recordings);
    ensure!(names("dead") == bad, "failed are {:?}", names("dead"));
    for state in ["ready", "leased", "delayed"] {
        ensure!(names(state).is_empty(), "{state} are {:?}", names(state));
    }
    check_shards(site, place)?;

    let spool = transcripts::files(&place.world.state().join("spool"))?;
    ensure!(spool.is_empty(), "the spool holds {:?}", spool.keys());
    for (name, (log, _)) in transcripts::files(&place.world.state().join("logs"))? {
        let log = String::from_utf8_lossy(&log);
        ensure!(!log.contains("panicked"), "{name} tells of a panic:\n{log}");
    }
    invariants::nothing_runs(&place.world)?;

    report.recordings += recordings.len();
    report.audio_seconds += recordings.iter().map(|recording| u64::from(recording.seconds)).sum::<u64>();
    for item in items.iter().filter(|item| item["state"] == "done") {
        let again = item["attempts"].as_f64().unwrap_or(1.0) - 1.0;
        report.again_seconds += again.max(0.0) * item["seconds"].as_f64().unwrap_or_default();
    }
    Ok(())
}

/// When a run says that its batch is over: each recording is transcribed, or among those that it counts as failed.
pub(crate) fn check_said(
    site: &Site,
    place: &Place,
    recordings: &[Recording],
    ended: &Ended,
    code: i32,
) -> anyhow::Result<()> {
    let summary = ended.json()?;
    let count = |name: &str| summary[name].as_u64().with_context(|| format!("no {name} in {summary}"));
    let (all, failed) = (recordings.len() as u64, count("failed")?);
    ensure!(count("recordings")? == all && count("left")? == 0, "{summary}");
    ensure!(
        count("done")? + count("skipped")? + failed == all,
        "not every recording is accounted for: {summary}"
    );
    ensure!((failed > 0) == (code == 1), "exit code {code} for {summary}");
    let there = transcripts::count(&site.output(place))? as u64;
    ensure!(there + failed == all, "{there} transcripts for {summary}");
    Ok(())
}

/// The raw keys of every shard.
fn check_shards(site: &Site, place: &Place) -> anyhow::Result<()> {
    let BatchMeta { batch, shards, .. } = place.world.batch()?;
    let mut connection = site.redis.connection()?;
    for shard in 0..shards {
        lease_invariants::check_invariants(&mut connection, &batch, ShardId(shard))?;
    }
    Ok(())
}
