//! Transcripts made with other settings: never mixed up, never overwritten unasked.

use anyhow::ensure;
use steno_tests::world::{World, expect_counts};
use steno_tests::{invariants, transcripts};

const NAMES: [&str; 2] = ["speech-00.flac", "speech-01.flac"];

/// A world that was transcribed with the usual settings, and its state removed.
fn transcribed() -> anyhow::Result<World> {
    let world = World::with_speech(2)?;
    world.run()?.run()?.expect(0)?;
    std::fs::remove_dir_all(world.state())?;
    Ok(world)
}

#[test]
fn they_are_refused_unless_the_user_decides() -> anyhow::Result<()> {
    let world = transcribed()?;
    let before = transcripts::files(&world.output())?;
    let refused = world.run()?.args(["--compute-type", "int8"]).run()?.expect(2)?;
    refused.says(&["speech-00.flac", "other options", "--existing keep", "--existing replace", "--out"])?;
    ensure!(transcripts::files(&world.output())? == before, "a refused run wrote to the output");
    invariants::nothing_runs(&world)
}

#[test]
fn they_are_kept_when_asked() -> anyhow::Result<()> {
    let world = transcribed()?;
    let before = transcripts::files(&world.output())?;
    let kept = world.run()?.args(["--compute-type", "int8", "--existing", "keep"]).run()?.expect(0)?;
    expect_counts(&kept.json()?, &[("recordings", 2), ("done", 0), ("kept", 2), ("failed", 0)])?;
    ensure!(transcripts::files(&world.output())? == before, "kept transcripts were touched");
    invariants::check(&world, &NAMES, &[])?;
    Ok(())
}

#[test]
fn they_are_replaced_when_asked_and_once_only() -> anyhow::Result<()> {
    let world = transcribed()?;
    let old = invariants::check(&world, &NAMES, &[])?;
    let replace = || world.run()?.args(["--compute-type", "int8", "--existing", "replace"]).run();
    expect_counts(&replace()?.expect(0)?.json()?, &[("recordings", 2), ("done", 2), ("failed", 0)])?;
    let new = invariants::check(&world, &NAMES, &[])?;
    for name in NAMES {
        let hash =
            |transcripts: &invariants::Transcripts| transcripts[name]["provenance"]["options_hash"].clone();
        ensure!(hash(&old) != hash(&new), "{name} was not made anew");
    }
    let before = transcripts::files(&world.output())?;
    expect_counts(&replace()?.expect(0)?.json()?, &[("done", 0), ("skipped", 2)])?;
    std::fs::remove_dir_all(world.state())?;
    expect_counts(&replace()?.expect(0)?.json()?, &[("done", 0), ("skipped", 2)])?;
    ensure!(transcripts::files(&world.output())? == before, "they were replaced again");
    Ok(())
}

#[test]
fn a_replaced_recording_is_transcribed_anew_when_asked() -> anyhow::Result<()> {
    let world = World::with_speech(2)?;
    world.run()?.run()?.expect(0)?;
    steno_tests::audio::convert_speech(&["-t", "4"], &world.input().join(NAMES[1]))?;
    let refused = world.run()?.run()?.expect(2)?;
    refused.says(&["speech-01.flac", "has changed since", "--existing replace"])?;
    let run = world.run()?.args(["--existing", "replace"]).run()?.expect(0)?;
    expect_counts(&run.json()?, &[("recordings", 2), ("done", 1), ("skipped", 1), ("failed", 0)])?;
    let found = invariants::check(&world, &NAMES, &[])?;
    let seconds = found[NAMES[1]]["duration"].as_f64().unwrap_or_default();
    ensure!((3.5..4.5).contains(&seconds), "the old recording's transcript is still there: {seconds} s");
    Ok(())
}
