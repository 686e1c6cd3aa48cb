//! What holds after every run, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use steno_shared::output_name::transcript_key;
use steno_shared::part_key::PART_PREFIX;

use crate::world::World;
use crate::{condition, processes, transcripts};

/// Transcripts by their recordings' names.
pub type Transcripts = BTreeMap<String, Value>;

/// Checks a world in which a run has ended: each of the recordings in `all` has one valid transcript of its own or
/// is among `dead`, the output has nothing else, and nothing is left of the run but its state.
///
/// # Errors
/// When something of that does not hold.
pub fn check(world: &World, all: &[&str], dead: &[&str]) -> anyhow::Result<Transcripts> {
    nothing_runs(world)?;
    let spool = transcripts::files(&world.state().join("spool"))?;
    ensure!(spool.is_empty(), "the spool holds {:?}", spool.keys());
    let dead: BTreeSet<&str> = dead.iter().copied().collect();
    let expected: BTreeMap<String, &str> = all
        .iter()
        .filter(|name| !dead.contains(*name))
        .map(|name| (transcript_key(name, "json"), *name))
        .collect();
    let mut found = Transcripts::new();
    let files = transcripts::files(&world.output())?;
    for (key, (bytes, _)) in &files {
        let is_temporary = key.split('/').any(|segment| segment.starts_with(".steno-tmp-"));
        ensure!(!is_temporary, "a temporary file is left: {key:?}");
        let is_part = key.starts_with(PART_PREFIX);
        ensure!(!is_part || !dead.is_empty(), "a part is left although its recording is done: {key:?}");
        if is_part || !key.ends_with(".json") {
            continue;
        }
        let name = expected.get(key).with_context(|| format!("{key:?} is nobody's transcript"))?;
        let transcript = transcripts::valid(key, bytes)?;
        ensure!(transcript["filename"] == **name, "{key:?} names {}", transcript["filename"]);
        found.insert((*name).to_owned(), transcript);
    }
    let without: Vec<&String> = expected.keys().filter(|key| !files.contains_key(*key)).collect();
    ensure!(without.is_empty(), "there is no {without:?}");
    if world.state().exists() {
        let failed: BTreeMap<String, String> = world
            .items(&["--failed"])?
            .iter()
            .map(|item| (string(&item["name"]), string(&item["error"])))
            .collect();
        let names: BTreeSet<&str> = failed.keys().map(String::as_str).collect();
        ensure!(names == dead, "dead are {failed:#?}");
        ensure!(failed.values().all(|error| !error.is_empty()), "dead without a reason: {failed:#?}");
        nothing_runs(world)?;
    }
    Ok(found)
}

/// Removes what a killed writer leaves in a flat output between making its temporary file and naming it, as a run that comes an
/// hour later would; another scenario is about that.
///
/// # Errors
/// When one cannot be removed.
pub fn remove_temporaries(world: &World) -> anyhow::Result<()> {
    let names = transcripts::files(&world.output())?.into_keys();
    for name in names.filter(|name| name.starts_with(".steno-tmp-")) {
        std::fs::remove_file(world.output().join(name))?;
    }
    Ok(())
}

/// Waits until no process has to do with the world any more: a killed one's children end by themselves.
///
/// # Errors
/// When one stays.
pub fn nothing_runs(world: &World) -> anyhow::Result<()> {
    let mut left = Vec::new();
    let ended = condition::until_so("all processes of the run have ended", || {
        left = processes::around(world.path())?;
        Ok(left.is_empty())
    });
    ended.with_context(|| format!("still there: {left:#?}"))
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
