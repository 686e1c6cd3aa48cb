//! `status`, `items`, `cancel` and `requeue`, on a batch that runs and on one that does not.

use anyhow::ensure;
use serde_json::Value;
use steno_tests::world::{World, expect_counts};
use steno_tests::{invariants, transcripts};

const N: usize = 12;

fn names() -> Vec<String> {
    (0..N).map(|index| format!("speech-{index:02}.flac")).collect()
}

#[test]
fn a_running_batch_is_looked_into_and_cancelled() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    let running = world.run_until_done(1)?;
    let status = world.status()?;
    ensure!(status["running"] == true, "{status:#}");
    expect_counts(&status, &[("recordings", N as u64), ("dead", 0)])?;
    let workers = status["workers"].as_array().map(Vec::len);
    ensure!(workers == Some(2), "there are not two workers: {status:#}");
    let items = world.items(&[])?;
    let mut listed: Vec<&str> = items.iter().filter_map(|item| item["name"].as_str()).collect();
    listed.sort_unstable();
    ensure!(listed == names(), "{listed:?}");
    let leased: Vec<&Value> = items.iter().filter(|item| item["state"] == "leased").collect();
    ensure!(leased.iter().all(|item| item["worker"].is_string()), "nobody has {leased:#?}");

    let cancel = world.steno()?.args(["cancel", "--state"]).arg(world.state()).run()?.expect(0)?;
    ensure!(cancel.stdout.contains("finish what they have in hand"), "{}", cancel.stdout);
    let ended = running.ended()?.expect(5)?.says(&["was cancelled"])?;
    let done = transcripts::count(&world.output())? as u64;
    expect_counts(&ended.json()?, &[("done", done), ("left", N as u64 - done)])?;
    ensure!(done < N as u64, "the run was not cancelled in its middle");

    let status = world.status()?;
    ensure!(status["running"] == false && status["cancelled"] == true, "{status:#}");
    expect_counts(&status, &[("done", done), ("ready", N as u64 - done), ("leased", 0)])?;
    expect_counts(&world.run()?.run()?.expect(0)?.json()?, &[("skipped", done), ("left", 0)])?;
    let names = names();
    invariants::check(&world, &names.iter().map(String::as_str).collect::<Vec<_>>(), &[])?;
    Ok(())
}

#[test]
fn a_failed_recording_is_requeued_while_the_batch_runs() -> anyhow::Result<()> {
    let world = World::with_speech(N)?;
    // The longest goes first: it fails at once, while the others wait.
    let long = vec![b' '; 4 << 20];
    std::fs::write(world.input().join("text.wav"), long)?;
    let running = world.run_until_done(1)?;
    steno_tests::condition::until_so("the text has failed", || Ok(world.items(&["--failed"])?.len() == 1))?;
    let requeue = ["requeue", "--class", "poison", "--state"];
    let requeued = world.steno()?.args(requeue).arg(world.state()).run()?.expect(0)?;
    ensure!(
        requeued.stdout.contains("1 failed recording requeued; the run takes them up"),
        "{}",
        requeued.stdout
    );
    expect_counts(&running.ended()?.expect(1)?.json()?, &[("done", N as u64), ("failed", 1), ("left", 0)])?;
    let failed = world.items(&["--failed"])?;
    ensure!(failed[0]["attempts"] == 2, "it was not tried again: {failed:#?}");
    Ok(())
}

#[test]
fn what_is_no_batch_is_refused_by_every_command() -> anyhow::Result<()> {
    let world = World::new()?;
    for command in [&["status"][..], &["items"], &["requeue", "--all"], &["cancel"]] {
        world.steno()?.args(command).run()?.expect(2)?.says(&["no batch in .steno", "--state"])?;
        let elsewhere = world.steno()?.args(command).args(["--state", "in"]).run()?.expect(2)?;
        elsewhere.says(&["is not the state folder of a batch"])?;
    }
    ensure!(transcripts::files(&world.input())?.is_empty(), "the input was written to");
    invariants::nothing_runs(&world)
}

#[test]
fn doctor_looks_at_this_machine() -> anyhow::Result<()> {
    let world = World::new()?;
    let out = world.output();
    let doctor = |json: &[&str]| -> anyhow::Result<_> {
        world.steno()?.args(["doctor", "--out"]).arg(&out).args(json).run()
    };
    let good = doctor(&["--json"])?.expect(0)?.json_lines()?;
    let told: Vec<&str> = good.iter().filter_map(|check| check["what"].as_str()).collect();
    ensure!(told == ["worker", "ffmpeg", "decoder", "redis-server", "devices", "output"], "{good:#?}");
    let decoder = &good[2];
    let words = decoder["text"].as_str().unwrap_or_default();
    ensure!(words.contains("ffmpeg can open no file") || words.contains("the kernel"), "{decoder}");
    std::fs::remove_dir_all(&out)?;
    std::fs::write(&out, "a file")?;
    let bad = doctor(&[])?.expect(3)?;
    ensure!(
        bad.stdout.contains("BAD   output: ") && bad.stdout.contains("choose another folder"),
        "{}",
        bad.stdout
    );
    Ok(())
}
