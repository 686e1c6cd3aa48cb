//! What must hold after a round: each recording has one transcript, of its own content, or is among the failed with its reason,
//! and nothing else is left.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use steno_shared::batch::BatchMeta;
use steno_shared::ids::ShardId;
use steno_shared::leases::LeaseLimits;
use steno_shared::output_name::transcript_key;
use steno_shared::part_key::PART_PREFIX;
use steno_shared::simulated::MARKER;
use steno_tests::steno::Ended;
use steno_tests::{invariants, lease_invariants, transcripts};

use crate::backlog::{Bad, Recording, bad_ones};
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
        .filter(|recording| recording.bad.is_none())
        .map(|recording| (transcript_key(&recording.name, "json"), recording))
        .collect();
    let (mut found, mut waiting) = (BTreeSet::new(), BTreeSet::new());
    for (key, (bytes, _)) in transcripts::files(&site.output(place))? {
        if key == MARKER {
            continue;
        }
        // Parts wait for the others of their recording, should the one that failed be put back.
        if let Some(part) = key.strip_prefix(PART_PREFIX) {
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
    let n_bad = recordings.iter().filter(|recording| recording.bad.is_some()).count();
    ensure!(
        waiting.len() <= n_bad,
        "parts are left of {} recordings, and only {n_bad} failed",
        waiting.len()
    );
    let without: Vec<&String> = expected.keys().filter(|key| !found.contains(*key)).collect();
    ensure!(without.is_empty(), "no transcript: {without:?}");
    for (path, times) in site.http.created() {
        // A part may be made again by who does not know yet that its recording is done; he removes it.
        let is_part = path.contains(&format!("/{PART_PREFIX}"));
        let is_transcript = path.starts_with(&place.output_path()) && path.ends_with(".json") && !is_part;
        ensure!(!is_transcript || times == 1, "{path} was created {times} times");
    }

    let items = place.world.items(&[])?;
    let names = |state: &str| -> BTreeSet<&str> {
        items.iter().filter(|item| item["state"] == state).filter_map(|item| item["name"].as_str()).collect()
    };
    let bad = bad_ones(recordings);
    ensure!(names("dead") == bad.keys().copied().collect(), "failed are {:?}", names("dead"));
    for item in items.iter().filter(|item| item["state"] == "dead") {
        let own = bad.get(item["name"].as_str().unwrap_or_default()).context("no bad one")?;
        ensure!(is_for(item, own), "failed with another reason than its own, {own:?}: {item}");
    }
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
    let worked = worked_seconds(place)?;
    for recording in expected.values() {
        let (whole, name) = (f64::from(recording.seconds), &recording.name);
        let worked = worked.get(&format!("{name:?}")).copied().unwrap_or_default();
        ensure!(
            worked > whole - 0.1,
            "{name:?} of {whole} s is transcribed, and was worked on for {worked} s"
        );
        report.again_seconds += worked - whole;
    }
    Ok(())
}

/// Seconds of audio that the engines of a round have worked on, by the recording's name as it is logged: whatever became of the attempts.
fn worked_seconds(place: &Place) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut worked = BTreeMap::new();
    for (log, _) in transcripts::files(&place.world.state().join("logs"))?.values() {
        for line in String::from_utf8_lossy(log).lines() {
            let Some((_, fields)) = line.split_once(" simulated.worked name=") else { continue };
            let (name, seconds) = fields.rsplit_once(" seconds=").context("no seconds in a log")?;
            *worked.entry(name.to_owned()).or_default() += seconds.trim().parse::<f64>()?;
        }
    }
    Ok(worked)
}

/// Classes of what can make a recording fail.
const CLASSES: [&str; 4] = ["poison", "retry", "lost", "released"];

/// That a recording that has failed has failed within its limits, and says why.
pub(crate) fn check_failed(item: &Value) -> anyhow::Result<()> {
    let says_why = item["error"].as_str().is_some_and(|error| !error.is_empty());
    let class = item["error_class"].as_str().unwrap_or_default();
    ensure!(says_why && CLASSES.contains(&class), "it failed for no reason: {item}");
    let LeaseLimits { max_fails, max_lost, .. } = LeaseLimits::default();
    let of = |count: &str, most: u32| item[count].as_u64().unwrap_or(u64::MAX).cmp(&most.into());
    let (fails, lost) = (of("fails", max_fails), of("lost", max_lost));
    ensure!(fails.is_le() && lost.is_le(), "it was tried too often: {item}");
    ensure!(class != "lost" || lost.is_eq(), "it was given up too early: {item}");
    ensure!(class != "retry" || fails.is_eq(), "it was given up too early: {item}");
    Ok(())
}

/// Whether a recording has failed for the reason that it rehearses, not for a fault that came before.
pub(crate) fn is_for(item: &Value, bad: &Bad) -> bool {
    item["error_class"] == bad.class && item["error"].as_str().is_some_and(|error| error.contains(bad.reason))
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
