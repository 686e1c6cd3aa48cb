//! Options of transcription by flags and in files: taken as said, or refused before anything is begun.

use anyhow::ensure;
use steno_tests::world::World;
use steno_tests::{invariants, transcripts};

#[test]
fn bad_options_are_refused_and_nothing_is_touched() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    let bad = |name: &str, text: &str, words: &[&str]| {
        std::fs::write(world.path().join(name), text)?;
        world.run()?.args(["--options", name]).run()?.expect(2)?.says(words).map(|_| ())
    };
    bad("a.toml", "beem_size = 5", &["a.toml", "beem_size", "did you mean beam_size?"])?;
    bad("b.json", r#"{"beam_size": "5"}"#, &["b.json", "beam_size = \"5\"", "a whole number"])?;
    bad("c.toml", "[vad_parameters]\nthreshold = 2", &["vad_parameters.threshold is 2", "0 to 1"])?;
    world.run()?.args(["--options", "none.toml"]).run()?.expect(2)?.says(&["none.toml", "check its path"])?;
    world.run()?.args(["--beam-size", "0"]).run()?.expect(2)?.says(&["beam_size is 0", "at least 1"])?;
    let alone = world.run()?.args(["--hallucination-silence-threshold", "2"]).run()?.expect(2)?;
    alone.says(&["hallucination_silence_threshold", "word_timestamps"])?;
    world
        .run()?
        .args(["--max-line-width", "42"])
        .run()?
        .expect(2)?
        .says(&["max_line_width", "word_timestamps"])?;
    ensure!(!world.state().exists() && !world.output().exists(), "a refused run left something behind");
    invariants::nothing_runs(&world)
}

#[test]
fn a_file_s_options_reach_the_engine_and_a_flag_wins() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    // In sequential mode, which writes a comma here.
    let run = || Ok::<_, anyhow::Error>(world.run()?.args(["--mode", "sequential"]));
    run()?.run()?.expect(0)?;
    let plain = invariants::check(&world, &["speech-00.flac"], &[])?;
    let plain = transcripts::text(&plain["speech-00.flac"]);
    std::fs::remove_dir_all(world.state())?;

    // The values of the defaults are no change: the transcript stands.
    std::fs::write(
        world.path().join("same.toml"),
        "beam_size = 5\ntemperature = [0, 0.2, 0.4, 0.6, 0.8, 1]",
    )?;
    let same = run()?.args(["--options", "same.toml"]).run()?.expect(0)?.json()?;
    ensure!(same["skipped"] == 1, "the defaults, said, are another setting: {same}");
    std::fs::remove_dir_all(world.state())?;

    // The model may write no comma, which is token 11 of tiny.en.
    std::fs::write(world.path().join("other.json"), r#"{"suppress_tokens": [-1, 11], "beam_size": 2}"#)?;
    let other = ["--options", "other.json", "--existing", "replace"];
    run()?.args(other).run()?.expect(0)?;
    let found = invariants::check(&world, &["speech-00.flac"], &[])?;
    let text = transcripts::text(&found["speech-00.flac"]);
    ensure!(plain.contains(',') && !text.contains(','), "{plain:?} became {text:?}");
    std::fs::remove_dir_all(world.state())?;

    // The flag takes one of the file's options back, and only that.
    run()?.args(other).args(["--suppress_tokens", "-1"]).run()?.expect(0)?;
    let found = invariants::check(&world, &["speech-00.flac"], &[])?;
    let text = transcripts::text(&found["speech-00.flac"]);
    ensure!(text.contains(','), "the flag did not win over the file: {text:?}");
    Ok(())
}
