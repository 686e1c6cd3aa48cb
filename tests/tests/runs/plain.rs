//! A folder in, transcripts out; and again, at no cost.

use anyhow::ensure;
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, transcripts};

const NAMES: [&str; 5] = [
    "a.mp3",
    "a.wav",
    "jfk inaugural address.flac",
    "meeting room/ami-dev00-start.mp3",
    "meeting room/telephone.wav",
];

fn world() -> anyhow::Result<World> {
    let world = World::new()?;
    let (samples, input) = (audio::repository().join("samples"), world.input());
    std::fs::create_dir(input.join("meeting room"))?;
    for name in &NAMES[2..] {
        std::fs::write(input.join(name), std::fs::read(samples.join(name))?)?;
    }
    audio::convert_speech(&["-b:a", "64k"], &input.join("a.mp3"))?;
    audio::convert_speech(&["-ar", "16000"], &input.join("a.wav"))?;
    // Neither is a recording.
    std::fs::write(input.join("SOURCES.md"), "where these are from")?;
    std::fs::write(input.join("a.json"), "{}")?;
    Ok(world)
}

#[test]
fn a_folder_is_transcribed_once_and_only_once() -> anyhow::Result<()> {
    let world = world()?;
    let all_formats = ["--format", "json,txt,srt,vtt,tsv"];
    let summary = world.run()?.args(all_formats).run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 5), ("done", 5), ("skipped", 0), ("failed", 0), ("left", 0)])?;
    ensure!(summary["outcome"] == "finished", "{summary}");
    let found = invariants::check(&world, &NAMES, &[])?;
    for name in &NAMES[..3] {
        let text = transcripts::text(&found[*name]);
        ensure!(text.contains("what your country can do for you"), "{name}: {text}");
    }
    for name in NAMES {
        ensure!(found[name]["provenance"]["attempt"] == 1, "{name} took more than one attempt");
        for format in ["txt", "srt", "vtt", "tsv"] {
            let path = world.output().join(format!("{name}.{format}"));
            ensure!(path.metadata()?.len() > 0, "{} is empty", path.display());
        }
    }
    let (first, _) = &transcripts::with_extension(&world.output(), "txt")?["a.mp3.txt"];
    ensure!(String::from_utf8_lossy(first).to_lowercase().contains("your country"), "the text lacks words");
    let before = transcripts::files(&world.output())?;
    ensure!(before.len() == NAMES.len() * 5, "{:?}", before.keys());

    let summary = world.run()?.args(all_formats).run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 5), ("done", 0), ("skipped", 5), ("failed", 0), ("left", 0)])?;
    ensure!(transcripts::files(&world.output())? == before, "the second run wrote to the output");

    std::fs::remove_dir_all(world.state())?;
    let summary = world.run()?.args(all_formats).run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 5), ("done", 0), ("skipped", 5), ("failed", 0), ("left", 0)])?;
    ensure!(transcripts::files(&world.output())? == before, "a run without state wrote to the output");
    invariants::check(&world, &NAMES, &[])?;
    Ok(())
}

#[test]
fn a_format_that_is_asked_for_later_is_written_without_transcribing_again() -> anyhow::Result<()> {
    let world = World::with_speech(2)?;
    world.run()?.run()?.expect(0)?;
    let before = transcripts::files(&world.output())?;
    let refused = world.run()?.args(["--format", "json,srt"]).run()?.expect(4)?;
    refused.says(&["another batch", "--state"])?;
    std::fs::remove_dir_all(world.state())?;
    world.run()?.args(["--format", "json,srt"]).run()?.expect(0)?;
    ensure!(transcripts::with_extension(&world.output(), "json")? == before, "the transcripts were touched");
    for (name, (bytes, _)) in transcripts::with_extension(&world.output(), "srt")? {
        let text = String::from_utf8(bytes)?;
        ensure!(text.starts_with("1\n00:00:00,"), "{name}: {text}");
    }
    ensure!(transcripts::with_extension(&world.output(), "srt")?.len() == 2, "there are not two subtitles");
    invariants::check(&world, &["speech-00.flac", "speech-01.flac"], &[])?;
    Ok(())
}

#[test]
fn a_recording_that_is_added_later_is_transcribed_alone() -> anyhow::Result<()> {
    let world = World::with_speech(2)?;
    world.run()?.run()?.expect(0)?;
    let before = transcripts::files(&world.output())?;
    audio::copy_speech(&world.input().join("new.flac"))?;
    let summary = world.run()?.run()?.expect(0)?.json()?;
    expect_counts(&summary, &[("recordings", 3), ("done", 1), ("skipped", 2), ("left", 0)])?;
    let mut after = transcripts::files(&world.output())?;
    ensure!(after.remove("new.flac.json").is_some() && after == before, "others were touched");
    invariants::check(&world, &["speech-00.flac", "speech-01.flac", "new.flac"], &[])?;
    Ok(())
}
