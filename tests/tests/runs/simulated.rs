//! The simulated engine: batches rehearsed with as many workers as wanted, without a model.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use steno_shared::simulated::{Content, MARKER};
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, transcripts};

/// A recording of this length: a header, and bytes of its own.
pub(crate) fn write(world: &World, name: &str, seconds: u32, end: &str) -> anyhow::Result<()> {
    let bytes = [audio::flac_header(seconds, name.as_bytes()), end.as_bytes().to_vec()].concat();
    Ok(std::fs::write(world.input().join(name), bytes)?)
}

/// That a transcript has the words of its own recording.
pub(crate) fn check_words(world: &World, name: &str, transcript: &Value) -> anyhow::Result<()> {
    let content = Content::read(std::fs::File::open(world.input().join(name))?)?;
    let seconds = transcript["duration"].as_f64().context("no duration")?;
    let said = transcripts::texts(transcript);
    ensure!(said == content.texts(seconds), "{name} says {said:?}");
    Ok(())
}

#[test]
fn each_recording_gets_words_of_its_own_in_the_stated_time() -> anyhow::Result<()> {
    let world = World::new()?;
    let lengths: Vec<(String, u32)> =
        (0..60).map(|index| (format!("{index:02}.flac"), 20 + index * index)).collect();
    for (name, seconds) in &lengths {
        write(&world, name, *seconds, "")?;
    }
    let names: Vec<&str> = lengths.iter().map(|(name, _)| name.as_str()).collect();
    let summary = world.rehearse("8", "1000")?.run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 60), ("done", 60), ("failed", 0), ("left", 0)])?;
    let found = invariants::check(&world, &names, &[])?;
    let mut engine_seconds = 0.0;
    for (name, seconds) in &lengths {
        let transcript = &found[name.as_str()];
        ensure!(transcript["duration"] == f64::from(*seconds), "{name} lasts {}", transcript["duration"]);
        ensure!(
            transcript["provenance"]["engine"].as_str().is_some_and(|engine| engine.ends_with("simulated"))
        );
        ensure!(transcript["warnings"][0].as_str().is_some_and(|text| text.starts_with("simulated: ")));
        check_words(&world, name, transcript)?;
        engine_seconds += f64::from(*seconds) / 1000.0;
    }
    // No worker can have done its share in less.
    let wall = summary["wall_seconds"].as_f64().with_context(|| format!("no wall time in {summary}"))?;
    ensure!(wall >= engine_seconds / 8.0, "{engine_seconds} s on 8 workers took {wall} s");

    let again = world.rehearse("8", "1000")?.run()?.expect(0)?.json()?;
    expect_counts(&again, &[("done", 0), ("skipped", 60)])?;
    invariants::nothing_runs(&world)
}

#[test]
fn a_length_that_was_only_estimated_costs_no_words() -> anyhow::Result<()> {
    let world = World::new()?;
    write(&world, "a.flac", 65, "")?;
    let listed = world.steno()?.arg("manifest").arg(world.input()).run()?.expect(0)?;
    // As it is written for a recording whose headers could not be read in time.
    let estimated = listed.stdout.replace(r#""seconds":65.0"#, r#""seconds":7.0,"seconds_from":"size""#);
    ensure!(estimated.contains("7.0"), "{estimated}");
    let manifest = world.path().join("manifest.jsonl");
    std::fs::write(&manifest, estimated)?;
    world.rehearse("1", "1000")?.arg("--manifest").arg(&manifest).run()?.expect(0)?;
    let found = invariants::check(&world, &["a.flac"], &[])?;
    ensure!(found["a.flac"]["duration"] == 65.0, "{}", found["a.flac"]);
    check_words(&world, "a.flac", &found["a.flac"])
}

/// The longest recordings are claimed first: one that waited behind another would end long after all others, and with it the batch.
#[test]
fn no_long_recording_waits_behind_another_one() -> anyhow::Result<()> {
    let world = World::new()?;
    for (name, seconds) in [("a.flac", 3_000), ("b.flac", 3_000), ("c.flac", 2_400)] {
        write(&world, name, seconds, "")?;
    }
    let mut running = world.rehearse("2", "200")?.args(["--split", "never"]).start()?;
    let mut status = Value::Null;
    running.until("a fifth of the first one to be done", |_| {
        // There is none before the run has begun.
        status = world.status().unwrap_or_default();
        Ok(status["workers"][0]["position_seconds"].as_f64().is_some_and(|position| position >= 600.0))
    })?;
    ensure!(status["workers"][0]["length_seconds"] == 3_000.0, "{status:#}");
    expect_counts(&status, &[("leased", 2), ("ready", 1), ("done", 0)])?;
    expect_counts(&running.ended()?.expect(0)?.json()?, &[("done", 3)])
}

/// What a slow worker has begun would be done last: the other one is done with it sooner, from the begin.
#[test]
fn a_slow_worker_leaves_what_it_has_begun_to_another_one() -> anyhow::Result<()> {
    let world = World::new()?;
    write(&world, "a.flac", 1_000, "")?;
    write(&world, "b.flac", 1_000, "")?;
    let summary = world.rehearse("2", "200,20")?.args(["--split", "never"]).run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 2), ("done", 2), ("failed", 0)])?;
    let items = world.items(&[])?;
    ensure!(items.iter().all(|item| item["worker"] == "worker-0"), "{items:#?}");
    let log = std::fs::read_to_string(world.state().join("logs/worker-1.log"))?;
    ensure!(log.contains("recording.too_slow_here"), "{log}");
    invariants::check(&world, &["a.flac", "b.flac"], &[]).map(|_| ())
}

#[test]
fn simulated_and_real_transcripts_never_share_an_output() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    std::fs::create_dir(world.output())?;
    let own = world.output().join("notes.txt");
    std::fs::write(&own, "mine")?;
    let refused = world.rehearse("1", "1000")?.run()?.expect(2)?;
    refused.says(&["holds notes.txt and is not marked as simulated", "give --out an empty place"])?;
    ensure!(transcripts::files(&world.output())?.len() == 1, "a refused run wrote to the output");
    std::fs::remove_file(&own)?;
    world.rehearse("1", "1000")?.run()?.expect(0)?;
    ensure!(world.output().join(MARKER).exists());
    let before = transcripts::files(&world.output())?;
    std::fs::remove_dir_all(world.state())?;
    let refused = world.run()?.run()?.expect(2)?;
    refused.says(&["holds simulated transcripts", "give --out another place"])?;
    ensure!(transcripts::files(&world.output())? == before, "a refused run wrote to the output");
    invariants::nothing_runs(&world)
}

#[test]
fn what_makes_no_sense_is_refused() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    let model = audio::fetched("models/tiny.en")?;
    let refused = world.rehearse("1", "1000")?.arg("--model").arg(&model).run()?.expect(2)?;
    refused.says(&["--engine simulated has no model"])?;
    for speed in ["0", "inf", "NaN"] {
        world.rehearse("1", speed)?.run()?.expect(2)?.says(&["must be from 0.1 to 1000000"])?;
    }
    let refused = world.run()?.args(["--simulated-speed", "5"]).run()?.expect(2)?;
    refused.says(&["--simulated-speed is for --engine simulated only"])?;
    ensure!(!world.output().exists(), "a refused run made the output");
    Ok(())
}

#[test]
fn faults_are_rehearsed_by_recordings_that_ask_for_them() -> anyhow::Result<()> {
    let world = World::new()?;
    for index in 0..8 {
        write(&world, &format!("good-{index}.flac"), 60, "")?;
    }
    for fault in ["poison", "retry", "abort"] {
        write(&world, &format!("{fault}.flac"), 60, &format!("\nsteno-simulated: {fault}\n"))?;
    }
    let summary = world.rehearse("3", "500")?.run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("recordings", 11), ("done", 8), ("failed", 3), ("left", 0)])?;
    let failed = world.items(&["--failed"])?;
    // What kills its worker does so twice, and no more; what fails alone never costs a worker.
    for (name, class, attempts, fails, lost) in [
        ("poison.flac", "poison", 1, 1, 0),
        ("retry.flac", "retry", 3, 3, 0),
        ("abort.flac", "lost", 2, 0, 2),
    ] {
        let item = failed.iter().find(|item| item["name"] == name).context("it has not failed")?;
        let counts = json!([item["error_class"], item["attempts"], item["fails"], item["lost"]]);
        ensure!(counts == json!([class, attempts, fails, lost]), "{item:#}");
        ensure!(item["error"].as_str().is_some_and(|error| !error.is_empty()), "{item:#}");
    }
    let abort = failed.iter().find(|item| item["name"] == "abort.flac").map(|item| item["error"].to_string());
    ensure!(abort.is_some_and(|error| error.contains("vanished twice")), "{failed:#?}");
    for (name, transcript) in transcripts::with_extension(&world.output(), "json")? {
        let recording = name.trim_end_matches(".json");
        check_words(&world, recording, &serde_json::from_slice(&transcript.0)?)?;
    }
    invariants::nothing_runs(&world)
}

/// A world with a recording that its workers fail on, and the bytes of the transcript that it should have had: it was made of one
/// that is the same recording by its length and time.
fn transcribed_by_others() -> anyhow::Result<(World, Vec<u8>)> {
    let world = World::new()?;
    let path = world.input().join("a.flac");
    write(&world, "a.flac", 60, "\nsteno-simulated: nought\n")?;
    let modified = path.metadata()?.modified()?;
    world.rehearse("1", "1000")?.args(["--format", "json,txt"]).run()?.expect(0)?;
    let transcript = std::fs::read(world.output().join("a.flac.json"))?;
    std::fs::remove_dir_all(world.state())?;
    for extension in ["json", "txt"] {
        std::fs::remove_file(world.output().join(format!("a.flac.{extension}")))?;
    }
    write(&world, "a.flac", 60, "\nsteno-simulated: poison\n")?;
    std::fs::File::options().write(true).open(&path)?.set_modified(modified)?;
    Ok((world, transcript))
}

/// Workers that die between publishing a transcript and saying so leave a recording that counts as given up.
#[test]
fn what_was_given_up_but_is_transcribed_is_done_when_the_batch_is_over() -> anyhow::Result<()> {
    let (world, transcript) = transcribed_by_others()?;
    let mut running = world.rehearse("1", "10")?.start()?;
    running.until("it is being transcribed, and will be given up", |_| {
        // Refused until the run has made its state.
        Ok(world.status().is_ok_and(|status| status["workers"].to_string().contains("transcribing")))
    })?;
    std::fs::write(world.output().join("a.flac.json"), &transcript)?;
    let over = running.ended()?.expect(0)?.json()?;
    expect_counts(&over, &[("recordings", 1), ("done", 1), ("failed", 0), ("left", 0)])?;
    ensure!(std::fs::read(world.output().join("a.flac.json"))? == transcript, "the transcript was touched");
    invariants::nothing_runs(&world)
}

#[test]
fn what_was_given_up_but_is_transcribed_is_done_when_the_batch_is_taken_up_again() -> anyhow::Result<()> {
    let (world, transcript) = transcribed_by_others()?;
    // A name that no transcript can have is among the dead too, and holds nothing up.
    let long = format!("{}.flac", "n".repeat(248));
    write(&world, &long, 60, "\nsteno-simulated: poison\n")?;
    let formats = ["--format", "json,txt"];
    expect_counts(&world.rehearse("1", "1000")?.args(formats).run()?.expect(1)?.json()?, &[("failed", 2)])?;
    std::fs::write(world.output().join("a.flac.json"), &transcript)?;
    let again = world.rehearse("1", "1000")?.args(formats).run()?.expect(1)?;
    again
        .clone()
        .says(&["1 recording given up, but transcribed: put back for the formats that are missing"])?;
    expect_counts(&again.json()?, &[("done", 1), ("failed", 1)])?;
    let text = std::fs::read_to_string(world.output().join("a.flac.txt"))?;
    ensure!(transcript.windows(8).any(|part| part == &text.as_bytes()[..8]), "{text}");
    invariants::nothing_runs(&world)
}
