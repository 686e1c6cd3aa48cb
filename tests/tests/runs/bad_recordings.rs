//! Bad recordings among good ones: each fails alone, with its reason, and the good ones are transcribed.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, transcripts};

/// Recordings that can be transcribed, odd as they are.
const GOOD: [&str; 7] = [
    "6 channels.wav",
    "cut off.mp3",
    "high rate.wav",
    "mu-law.wav",
    "really a wav.mp3",
    "silent.wav",
    "two\nlines.wav",
];

/// Recordings that cannot, and what their error must say.
const BAD: [(&str, &[&str]); 4] = [
    ("cut off.m4a", &["cut off before its index", "upload it again"]),
    ("empty.mp3", &["empty (0 bytes)", "remove it"]),
    ("film.mp4", &["no audio stream"]),
    ("text.mp3", &["not a recording in any format"]),
];

fn make(input: &Path) -> anyhow::Result<()> {
    let at = |name: &str| input.join(name);
    audio::convert_speech(&["-ac", "6"], &at("6 channels.wav"))?;
    audio::convert_speech(&["-ar", "192000"], &at("high rate.wav"))?;
    audio::convert_speech(&["-ar", "8000", "-ac", "1", "-c:a", "pcm_mulaw"], &at("mu-law.wav"))?;
    audio::ffmpeg(&["-f", "lavfi", "-i", "anullsrc=r=16000", "-t", "3"], &at("silent.wav"))?;
    audio::convert_speech(&["-ar", "16000"], &at("two\nlines.wav"))?;
    std::fs::copy(at("two\nlines.wav"), at("really a wav.mp3"))?;
    audio::convert_speech(&[], &at("cut off.mp3"))?;
    // ffmpeg writes an MP4's index at its end.
    audio::convert_speech(&["-c:a", "aac"], &at("cut off.m4a"))?;
    for name in ["cut off.mp3", "cut off.m4a"] {
        let whole = std::fs::read(at(name))?;
        std::fs::write(at(name), &whole[..whole.len() / 2])?;
    }
    audio::ffmpeg(&["-f", "lavfi", "-i", "color=s=64x64:d=1", "-c:v", "mpeg4"], &at("film.mp4"))?;
    std::fs::write(at("empty.mp3"), "")?;
    std::fs::write(at("text.mp3"), "This is only a text, whatever its name says.\n".repeat(100))?;
    Ok(())
}

fn failure<'a>(summary: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    let failures = summary["failures"].as_array().context("the summary has no failures")?;
    let found = failures.iter().find(|failure| failure["name"] == name);
    let error = found.and_then(|failure| failure["error"].as_str());
    error.with_context(|| format!("{name:?} is not among the failures {failures:#?}"))
}

#[test]
fn each_fails_alone_and_can_be_mended_alone() -> anyhow::Result<()> {
    let world = World::new()?;
    make(&world.input())?;
    let ended = world.run()?.run()?.expect(1)?;
    let summary = ended.json()?;
    expect_counts(&summary, &[("recordings", 11), ("done", 7), ("failed", 4), ("left", 0)])?;
    for (name, words) in BAD {
        let error = failure(&summary, name)?;
        for word in words {
            ensure!(error.contains(word), "{name}: {word:?} is not in {error:?}");
        }
    }
    let all: Vec<&str> = GOOD.into_iter().chain(BAD.map(|(name, _)| name)).collect();
    let found = invariants::check(&world, &all, &BAD.map(|(name, _)| name))?;
    for name in ["6 channels.wav", "high rate.wav", "mu-law.wav", "really a wav.mp3", "two\nlines.wav"] {
        let text = transcripts::text(&found[name]);
        ensure!(text.contains("your country can do for you"), "{name}: {text}");
    }
    // What the model makes of silence is its own affair; faster-whisper writes the same.
    ensure!(found["silent.wav"]["duration"] == 3.0, "{}", found["silent.wav"]);
    let half = found["cut off.mp3"]["duration"].as_f64().unwrap_or_default();
    ensure!((4.0..7.0).contains(&half), "half of 11 s is not {half} s");
    let warnings = found["cut off.mp3"]["warnings"].to_string();
    ensure!(warnings.contains("cut off"), "a reader is not told: {warnings}");

    for item in world.items(&["--failed"])? {
        ensure!(item["state"] == "dead" && item["error_class"] == "poison", "{item:#}");
        ensure!(item["attempts"] == 1, "another attempt would have failed alike: {item:#}");
    }
    let again = world.run()?.run()?.expect(1)?.json()?;
    expect_counts(&again, &[("done", 0), ("skipped", 7), ("failed", 4), ("left", 0)])?;
    let state = world.state();
    let requeue = |pattern: &str| {
        world.steno()?.args(["requeue", "--name", pattern, "--state"]).arg(&state).run()?.expect(0)
    };
    ensure!(requeue("nobody*")?.stdout.starts_with("0 "), "something was requeued");
    ensure!(requeue("text*")?.stdout.starts_with("1 "), "not one recording was requeued");
    let before = transcripts::files(&world.output())?;
    expect_counts(&world.run()?.run()?.expect(1)?.json()?, &[("done", 0), ("skipped", 7), ("failed", 4)])?;
    let text = world.items(&["--failed"])?.into_iter().find(|item| item["name"] == "text.mp3");
    ensure!(text.context("text.mp3 is not among the failed")?["attempts"] == 2, "it was not tried again");
    ensure!(transcripts::files(&world.output())? == before, "others were touched");
    Ok(())
}

/// The limit that the message names is one that a user can raise.
#[test]
fn one_that_is_longer_than_allowed_is_accepted_when_the_user_says_so() -> anyhow::Result<()> {
    let world = World::with_speech(2)?;
    audio::convert_speech(&["-t", "4"], &world.input().join("speech-01.flac"))?;
    let summary = world.run()?.args(["--longest", "5s"]).run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("done", 1), ("failed", 1)])?;
    let error = failure(&summary, "speech-00.flac")?;
    ensure!(error.contains("longer than the limit of 5 s") && error.contains("--longest"), "{error}");
    world.steno()?.args(["requeue", "--all", "--state"]).arg(world.state()).run()?.expect(0)?;
    let summary = world.run()?.args(["--longest", "1m"]).run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("done", 1), ("skipped", 1), ("failed", 0)])?;
    invariants::check(&world, &["speech-00.flac", "speech-01.flac"], &[])?;
    Ok(())
}

/// In ffmpeg's place: dies of a recording that begins with a word, by itself or as if the machine had killed it, and is ffmpeg else.
const FRAGILE: &str = r#"#!/bin/bash
read -r -N 5 word </dev/stdin
overflow() { overflow; }
[[ $word == CRASH ]] && overflow
[[ $word == KILL! ]] && exec python3 -c 'import signal; signal.raise_signal(signal.SIGKILL)'
exec FFMPEG "$@"
"#;

#[test]
fn a_recording_that_kills_its_decoder_fails_alone() -> anyhow::Result<()> {
    let world = World::with_speech(2)?;
    for word in ["CRASH", "KILL!"] {
        std::fs::write(world.input().join(format!("{word}.flac")), word.repeat(1000))?;
    }
    let programs = world.path().join("programs");
    std::fs::create_dir(&programs)?;
    let (ffmpeg, fragile) = (audio::fetched("bin/ffmpeg")?, programs.join("ffmpeg"));
    std::fs::write(&fragile, FRAGILE.replace("FFMPEG", &format!("'{}'", ffmpeg.display())))?;
    std::fs::set_permissions(&fragile, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let own = audio::fetched("bin")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([programs, own].into_iter().chain(std::env::split_paths(&path)))?;
    let path = path.to_string_lossy().into_owned();

    let ended = world.run()?.envs([("PATH", path.as_str())]).run()?.expect(1)?;
    let summary = ended.json()?;
    expect_counts(&summary, &[("recordings", 4), ("done", 2), ("failed", 2), ("left", 0)])?;
    let all = ["speech-00.flac", "speech-01.flac", "CRASH.flac", "KILL!.flac"];
    invariants::check(&world, &all, &all[2..])?;
    for (name, class, attempts, words) in [
        ("CRASH.flac", "poison", 1, "ffmpeg crashed on it (signal 11)"),
        // It may be the machine's fault, which another attempt tells.
        ("KILL!.flac", "retry", 3, "ffmpeg was killed (signal 9)"),
    ] {
        let failed = world.items(&["--failed"])?;
        let item = failed.iter().find(|item| item["name"] == name).context("it has not failed")?;
        ensure!(
            item["error_class"] == class && item["attempts"] == attempts && item["lost"] == 0,
            "{item:#}"
        );
        ensure!(item["error"].as_str().is_some_and(|error| error.contains(words)), "{item:#}");
    }
    Ok(())
}

#[test]
fn a_bad_one_that_is_replaced_by_a_good_one_is_no_failure_any_more() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    std::fs::write(world.input().join("later.flac"), "")?;
    world.run()?.run()?.expect(1)?;
    audio::copy_speech(&world.input().join("later.flac"))?;
    std::fs::write(world.input().join("removed later.flac"), "")?;
    let summary = world.run()?.run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("recordings", 3), ("done", 1), ("skipped", 1), ("failed", 1), ("left", 0)])?;
    std::fs::remove_file(world.input().join("removed later.flac"))?;
    let ended = world.run()?.run()?.expect(0)?.says(&["1 recording of an earlier run taken off"])?;
    expect_counts(&ended.json()?, &[("recordings", 2), ("done", 0), ("skipped", 2), ("failed", 0)])?;
    invariants::check(&world, &["speech-00.flac", "later.flac"], &[])?;
    Ok(())
}

#[test]
fn what_changes_after_the_listing_fails_alone() -> anyhow::Result<()> {
    let world = World::with_speech(3)?;
    let (input, manifest) = (world.input(), world.path().join("manifest.jsonl"));
    let listed = world.steno()?.args(["manifest"]).arg(&input).run()?.expect(0)?;
    ensure!(listed.json_lines()?.len() == 3, "{}", listed.stdout);
    std::fs::write(&manifest, &listed.stdout)?;
    let (deleted, aside) = (input.join("speech-01.flac"), world.path().join("aside.flac"));
    std::fs::rename(&deleted, &aside)?;
    audio::convert_speech(&["-t", "3"], &input.join("speech-02.flac"))?;

    let run = || world.run()?.args(["--manifest"]).arg(&manifest).run();
    let summary = run()?.expect(1)?.json()?;
    expect_counts(&summary, &[("recordings", 3), ("done", 1), ("failed", 2), ("left", 0)])?;
    let error = failure(&summary, "speech-01.flac")?;
    ensure!(error.contains("is not there any more"), "{error}");
    let error = failure(&summary, "speech-02.flac")?;
    ensure!(error.contains("has changed since"), "{error}");
    let names = ["speech-00.flac", "speech-01.flac", "speech-02.flac"];
    invariants::check(&world, &names, &names[1..])?;

    // It is back as it was, time and all.
    std::fs::rename(&aside, &deleted)?;
    let requeue = world.steno()?.args(["requeue", "--name", "*-01.flac", "--state"]).arg(world.state());
    ensure!(requeue.run()?.expect(0)?.stdout.starts_with("1 "), "not one recording was requeued");
    expect_counts(&run()?.expect(1)?.json()?, &[("done", 1), ("skipped", 1), ("failed", 1)])?;
    invariants::check(&world, &names, &names[2..])?;
    Ok(())
}

#[test]
fn what_cannot_be_listed_is_named() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    std::os::unix::fs::symlink("nowhere", world.input().join("dangling.mp3"))?;
    let ended = world.run()?.run()?.expect(1)?;
    ended.says(&["Left out", "dangling.mp3", "leads nowhere"])?;
    let manifest = world.steno()?.arg("manifest").arg(world.input()).run()?.expect(1)?;
    ensure!(manifest.json_lines()?.len() == 1, "{}", manifest.stdout);
    manifest.says(&["Left out", "dangling.mp3"])?;
    invariants::check(&world, &["speech-00.flac"], &[])?;
    Ok(())
}
