//! Long recordings worked on in parts, side by side, and joined again.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, transcripts};

use crate::simulated::{check_words, write};

fn parts(items: &[Value], name: &str) -> Vec<Value> {
    items.iter().filter(|item| item["name"] == name).cloned().collect()
}

/// That a transcript has all words of its recording, once each and in order.
fn check_whole(world: &World, name: &str, seconds: f64, transcript: &Value) -> anyhow::Result<()> {
    ensure!(transcript["duration"] == seconds, "{name} lasts {}", transcript["duration"]);
    check_words(world, name, transcript)
}

#[test]
fn what_would_keep_one_worker_busy_alone_is_shared_and_joined_again() -> anyhow::Result<()> {
    let world = World::new()?;
    write(&world, "long.flac", 7_205, "")?;
    for index in 0..8 {
        write(&world, &format!("{index}.flac"), 100 + index, "")?;
    }
    let ended = world.rehearse("4", "1000")?.run()?.expect(0)?;
    ended.says(&["1 long recording in parts, side by side"])?;
    let items = world.items(&[])?;
    let status =
        world.steno()?.args(["status", "--json", "--state"]).arg(world.state()).run()?.expect(0)?.json()?;
    ensure!(status["recordings"] == 9, "{status:#}");
    ensure!(status["done"] == items.len() && status["further_parts"] == items.len() - 9, "{status:#}");
    let long = parts(&items, "long.flac");
    ensure!(long.len() > 3 && long.iter().all(|part| part["state"] == "done"), "{long:#?}");
    let workers: BTreeSet<&str> = long.iter().filter_map(|part| part["worker"].as_str()).collect();
    ensure!(workers.len() > 2, "worked on by {workers:?}");
    ensure!(items.len() == 8 + long.len(), "what is short was split: {items:#?}");
    let mut names: Vec<String> = (0..8).map(|index| format!("{index}.flac")).collect();
    names.push("long.flac".to_owned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = invariants::check(&world, &names, &[])?;
    check_whole(&world, "long.flac", 7_205.0, &found["long.flac"])?;

    let again = world.rehearse("4", "1000")?.run()?.expect(0)?.json()?;
    expect_counts(&again, &[("recordings", 9), ("done", 0), ("skipped", 9)])?;
    invariants::check(&world, &names, &[]).map(|_| ())
}

#[test]
fn who_does_not_want_it_gets_none() -> anyhow::Result<()> {
    let world = World::new()?;
    write(&world, "long.flac", 3_000, "")?;
    write(&world, "short.flac", 60, "")?;
    let summary = world.rehearse("4", "1000")?.args(["--split", "never"]).run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 2), ("done", 2)])?;
    ensure!(world.items(&[])?.len() == 2);
    world
        .rehearse("4", "1000")?
        .args(["--split", "1m"])
        .run()?
        .expect(2)?
        .says(&["must be at least 120 s"])?;
    Ok(())
}

#[test]
fn a_part_that_fails_costs_that_part_and_a_requeue_redoes_nothing_else() -> anyhow::Result<()> {
    let world = World::new()?;
    write(&world, "bad.flac", 1_500, "\nsteno-simulated: poison\n")?;
    write(&world, "good.flac", 1_500, "")?;
    let rehearse = || anyhow::Ok(world.rehearse("3", "1000")?.args(["--split", "5m"]));
    let summary = rehearse()?.run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("recordings", 2), ("done", 1), ("failed", 1), ("left", 0)])?;
    ensure!(summary["failures"][0]["part"] == serde_json::json!([3, 5]), "{summary:#}");
    let found = invariants::check(&world, &["bad.flac", "good.flac"], &["bad.flac"])?;
    check_whole(&world, "good.flac", 1_500.0, &found["good.flac"])?;
    let failed = world.items(&["--failed"])?;
    ensure!(failed.len() == 1 && failed[0]["part"] == serde_json::json!([3, 5]), "{failed:#?}");

    world.steno()?.arg("requeue").arg("--state").arg(world.state()).arg("--all").run()?.expect(0)?;
    let summary = rehearse()?.run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("recordings", 2), ("done", 0), ("skipped", 1), ("failed", 1)])?;
    for part in parts(&world.items(&[])?, "bad.flac") {
        let (is_failed, attempts) = (part["state"] == "dead", &part["attempts"]);
        ensure!(*attempts == if is_failed { 2 } else { 1 }, "{part:#}");
    }
    Ok(())
}

/// The transcript of so many copies of the speech in a row, by the real engine at one temperature, since sampling is random.
fn transcribed(copies: u32, split: &str, options: &[&str]) -> anyhow::Result<Value> {
    let world = World::new()?;
    let speech = audio::speech();
    let again = (copies - 1).to_string();
    let looped = ["-stream_loop", &again, "-i", speech.to_str().context("not UTF-8")?, "-c:a", "flac"];
    audio::ffmpeg(&looped, &world.input().join("long.flac"))?;
    let (input, output) = (world.input().display().to_string(), world.output().display().to_string());
    let ended = world
        .run_between(&input, &output)?
        .args(["--split", split, "--temperature", "0"])
        .args(options.iter().copied())
        .run()?
        .expect(0)?;
    ensure!((split == "never") == ended.says(&["1 long recording in parts"]).is_err());
    invariants::check(&world, &["long.flac"], &[])?.remove("long.flac").context("no transcript")
}

/// What is joined of pieces is the transcript of the whole recording: they are heard in the same windows.
#[test]
fn a_transcript_is_the_same_however_its_recording_was_split() -> anyhow::Result<()> {
    let words = ["--word-timestamps"];
    let (whole, parts) = (transcribed(32, "never", &words)?, transcribed(32, "5m", &words)?);
    ensure!(whole["duration"].as_f64().is_some_and(|seconds| seconds > 330.0), "{}", whole["duration"]);
    // A batch of other windows adds up in another order.
    let said = |list: &Value, text: &str| -> Vec<[String; 3]> {
        let list = list.as_array().into_iter().flatten();
        list.map(|one| ["start", "end", text].map(|field| one[field].to_string())).collect()
    };
    let segments = |transcript: &Value| said(&transcript["segments"], "text");
    ensure!(segments(&whole).len() > 30 && segments(&whole) == segments(&parts), "{whole:#}\n{parts:#}");
    let words = |transcript: &Value| -> Vec<[String; 3]> {
        let segments = transcript["segments"].as_array().into_iter().flatten();
        segments.flat_map(|segment| said(&segment["words"], "word")).collect()
    };
    ensure!(words(&whole).len() > 300 && words(&whole) == words(&parts), "{whole:#}\n{parts:#}");
    ensure!(whole["duration"] == parts["duration"] && whole["language"] == parts["language"]);
    ensure!(whole["duration_after_vad"].as_f64() == parts["duration_after_vad"].as_f64());
    Ok(())
}

/// Parts that are shorter than pieces are heard in windows of their own: the words are about the same, and nothing at a cut is missing or
/// there twice.
#[test]
fn speech_that_was_split_reads_as_speech_that_was_not() -> anyhow::Result<()> {
    let (whole, parts) = (transcribed(15, "never", &[])?, transcribed(15, "2m", &[])?);
    let text = |transcript: &Value| transcripts::texts(transcript).concat();
    // Each copy of the speech has it twice. The smallest of all models mishears it now and then, cut or not.
    let count = |transcript: &Value| text(transcript).matches("country").count();
    ensure!(count(&parts) >= 28 && count(&whole) >= 28, "{}\n{}", text(&whole), text(&parts));
    ensure!(whole["duration"] == parts["duration"], "{} and {}", whole["duration"], parts["duration"]);
    let words = |transcript: &Value| text(transcript).split_whitespace().count();
    ensure!(
        words(&whole).abs_diff(words(&parts)) <= words(&whole) / 50,
        "{} and {}",
        text(&whole),
        text(&parts)
    );
    let starts: Vec<f64> = parts["segments"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|segment| segment["start"].as_f64())
        .collect();
    ensure!(starts.is_sorted(), "{starts:?}");
    Ok(())
}
