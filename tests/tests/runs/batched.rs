//! Batched mode: windows of many recordings side by side, and what becomes of them when something goes wrong.

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, processes, transcripts};

/// The numbers of windows of the batches that a world's workers have heard, from their logs.
fn batches(world: &World) -> anyhow::Result<Vec<usize>> {
    let mut batches = Vec::new();
    for (_, (log, _)) in transcripts::files(&world.state().join("logs"))? {
        for line in String::from_utf8_lossy(&log).lines().filter(|line| line.contains("batch.heard")) {
            let number = line.split("n_windows=").nth(1).and_then(|rest| rest.split_whitespace().next());
            batches.push(number.context("a batch without its size")?.parse()?);
        }
    }
    Ok(batches)
}

#[test]
fn windows_of_many_recordings_are_heard_at_once_and_each_has_its_own_transcript() -> anyhow::Result<()> {
    const N: usize = 10;
    let world = World::with_speech(N)?;
    // Of different lengths and contents, so that a mix-up would show.
    for (index, (start, seconds)) in [("0", "3.5"), ("5", "6"), ("3", "2.5")].into_iter().enumerate() {
        let part = world.input().join(format!("part-{index}.wav"));
        audio::convert_speech(&["-ss", start, "-t", seconds, "-ar", "16000"], &part)?;
    }
    audio::ffmpeg(&["-f", "lavfi", "-i", "anullsrc=r=16000", "-t", "3"], &world.input().join("silent.wav"))?;
    let run = world.run_one_worker()?.args(["--batch-size", "4"]).envs([("STENO_LOG", "debug")]);
    let summary = run.run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 14), ("done", 14), ("failed", 0), ("left", 0)])?;
    let busy = summary["engine_busy"].as_f64().context("it is not told how busy the engine was")?;
    ensure!(busy > 0.3 && busy <= 1.0, "the engine was busy {busy}");
    let heard = batches(&world)?;
    ensure!(heard.contains(&4) && heard.iter().all(|n| *n <= 4), "batches of {heard:?} windows");
    ensure!(heard.iter().sum::<usize>() >= 13, "batches of {heard:?} windows are not all there is");

    let names: Vec<String> = (0..N).map(|index| format!("speech-{index:02}.flac")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.extend(["part-0.wav", "part-1.wav", "part-2.wav", "silent.wav"]);
    let found = invariants::check(&world, &names, &[])?;
    for name in &names[..N] {
        let text = transcripts::text(&found[*name]);
        ensure!(text.contains("ask what you can do for your country"), "{name}: {text}");
        // Batches of different sizes add up floats in different orders, so only the last digits may differ.
        ensure!(
            text == transcripts::text(&found[names[0]])
                && found[*name]["segments"][0]["end"] == found[names[0]]["segments"][0]["end"],
            "{name} differs from its twin"
        );
    }
    let opening = transcripts::text(&found["part-0.wav"]);
    ensure!(opening.contains("fellow americans") && !opening.contains("country"), "{opening}");
    let silent = &found["silent.wav"];
    ensure!(silent["segments"] == serde_json::json!([]) && silent["duration"] == 3.0, "{silent:#}");
    Ok(())
}

#[test]
fn both_modes_write_the_same_of_what_is_one_window() -> anyhow::Result<()> {
    let mut texts = Vec::new();
    for mode in ["batched", "sequential"] {
        let world = World::with_speech(3)?;
        let summary = world.run()?.args(["--mode", mode]).run()?.expect(0)?.json()?;
        expect_counts(&summary, &[("done", 3), ("failed", 0)])?;
        ensure!(summary["engine_busy"].as_f64().is_some_and(|busy| busy > 0.0), "{mode}: {summary}");
        let found = invariants::check(&world, &["speech-00.flac", "speech-01.flac", "speech-02.flac"], &[])?;
        // Voice detection takes the silence before the first word away, which can cost a comma.
        texts.push(transcripts::text(&found["speech-02.flac"]).replace(',', ""));
    }
    ensure!(texts[0] == texts[1], "{texts:#?}");
    Ok(())
}

#[test]
fn a_killed_worker_s_whole_batch_is_done_again_one_by_one() -> anyhow::Result<()> {
    const N: usize = 12;
    let world = World::with_speech(N)?;
    let mut running = world.run_one_worker()?.args(["--batch-size", "4"]).start()?;
    // The state is readable by then, and the worker has more in hand.
    running.until("one is done", |_| Ok(transcripts::count(&world.output())? >= 1))?;
    let workers = running.children("steno-worker")?;
    ensure!(workers.len() == 1, "there is not one worker: {workers:?}");
    processes::send(workers[0].pid, Signal::SIGKILL)?;
    let ended = running.ended()?.expect(0)?.says(&["was killed by SIGKILL", "starting it again"])?;
    expect_counts(&ended.json()?, &[("done", N as u64), ("failed", 0), ("left", 0)])?;
    let names: Vec<String> = (0..N).map(|index| format!("speech-{index:02}.flac")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    invariants::remove_temporaries(&world)?;
    let found = invariants::check(&world, &names, &[])?;
    let again = found.values().filter(|transcript| transcript["provenance"]["attempt"] == 2).count();
    ensure!((1..=8).contains(&again), "{again} were begun again, but a worker holds two batches at most");
    for item in world.items(&[])? {
        ensure!(item["lost"].as_u64().unwrap_or(0) <= 1, "an innocent one was blamed twice: {item:#}");
    }
    Ok(())
}
