//! What a run refuses before any work, each with its exit code and what to do.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use steno_tests::redis_server::full_disk_for_redis;
use steno_tests::world::World;
use steno_tests::{audio, invariants, transcripts};

/// `steno run` with these three places, and nothing of them checked yet.
fn run(world: &World, input: &str, output: &str, model: &Path) -> anyhow::Result<steno_tests::steno::Ended> {
    let run = world.steno()?.args(["run", input, "--out", output, "--model"]).arg(model);
    run.args(["--state"]).arg(world.state()).run()
}

/// A copy of tiny.en that may be spoiled, and the model itself.
fn copy_of_the_model(world: &World) -> anyhow::Result<(PathBuf, PathBuf)> {
    let (model, whole) = (world.path().join("model"), audio::fetched("models/tiny.en")?);
    std::fs::create_dir(&model)?;
    for entry in std::fs::read_dir(&whole)? {
        let entry = entry?;
        std::fs::copy(entry.path(), model.join(entry.file_name()))?;
    }
    Ok((model, whole))
}

fn nothing_was_done(world: &World) -> anyhow::Result<()> {
    let written = transcripts::files(&world.output())?;
    ensure!(written.is_empty(), "a refused run wrote {:?}", written.keys());
    invariants::nothing_runs(world)
}

#[test]
fn a_model_that_is_missing_or_incomplete() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    let model = world.path().join("model");
    run(&world, "in", "out", &model)?.expect(3)?.says(&["model", "check the path"])?;
    std::fs::create_dir(&model)?;
    let whole = audio::fetched("models/tiny.en")?;
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(whole.join(name), model.join(name))?;
    }
    let refused = run(&world, "in", "out", &model)?.expect(3)?;
    refused.says(&["incomplete", "model.bin", "vocabulary", "copy or convert the whole model again"])?;
    nothing_was_done(&world)
}

#[test]
fn a_model_whose_weights_are_cut_off() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    let (model, whole) = copy_of_the_model(&world)?;
    let weights = std::fs::read(whole.join("model.bin"))?;
    std::fs::write(model.join("model.bin"), &weights[..weights.len() / 2])?;
    run(&world, "in", "out", &model)?.expect(3)?.says(&["model"])?;
    nothing_was_done(&world)
}

/// Its engine loads, and understands nothing: no recording may pay for that.
#[test]
fn a_model_that_writes_nonsense() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    let (model, whole) = copy_of_the_model(&world)?;
    let mut weights = std::fs::read(whole.join("model.bin"))?;
    let name = b"decoder/embeddings/weight";
    let start = weights.windows(name.len()).position(|bytes| bytes == name).context("no embeddings")? + 100;
    let row_bytes = 384 * 2;
    weights[start..start + 50_000 * row_bytes].rotate_left(1000 * row_bytes);
    std::fs::write(model.join("model.bin"), weights)?;
    let refused = run(&world, "in", "out", &model)?.expect(6)?;
    refused.says(&["does not understand known speech", "fetch the model again"])?;
    nothing_was_done(&world)
}

#[test]
fn an_input_that_is_missing() -> anyhow::Result<()> {
    let world = World::new()?;
    let model = audio::fetched("models/tiny.en")?;
    run(&world, "nowhere", "out", &model)?.expect(3)?.says(&["nowhere"])?;
    nothing_was_done(&world)
}

#[test]
fn an_output_where_a_file_stands() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    let model = audio::fetched("models/tiny.en")?;
    std::fs::write(world.path().join("file"), "mine")?;
    run(&world, "in", "file", &model)?.expect(3)?.says(&["is a file", "choose another folder"])?;
    run(&world, "in", "file/below", &model)?.expect(3)?.says(&["is a file", "choose another folder"])?;
    ensure!(std::fs::read(world.path().join("file"))? == b"mine", "the file was touched");
    nothing_was_done(&world)
}

#[test]
fn an_unknown_language_of_the_model() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    world.run()?.args(["--language", "de"]).run()?.expect(3)?.says(&[
        "tiny.en",
        "de",
        "English only",
        "multilingual model",
    ])?;
    nothing_was_done(&world)
}

#[test]
fn a_state_folder_whose_disk_is_full() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    full_disk_for_redis(&world.state().join("redis"))?;
    world.run()?.run()?.expect(3)?.says(&["Redis cannot write its data to disk", "free some space"])?;
    nothing_was_done(&world)
}

#[test]
fn a_state_folder_in_use() -> anyhow::Result<()> {
    let world = World::with_speech(8)?;
    let running = world.run_until_done(1)?;
    let pid = running.pid()?.to_string();
    world.run()?.run()?.expect(4)?.says(&["in use by another steno", &pid, "--state"])?;
    running.ended()?.expect(0)?;
    let names: Vec<String> = (0..8).map(|index| format!("speech-{index:02}.flac")).collect();
    invariants::check(&world, &names.iter().map(String::as_str).collect::<Vec<_>>(), &[])?;
    Ok(())
}

#[test]
fn a_state_folder_of_another_batch() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    world.run()?.run()?.expect(0)?;
    let other = world.path().join("other");
    let refused = world.run_between(&world.input().to_string_lossy(), &other.to_string_lossy())?.run()?;
    refused.expect(4)?.says(&["belongs to another batch", "--state", "remove it"])?;
    ensure!(transcripts::files(&other)?.is_empty(), "a refused run wrote to its output");
    invariants::check(&world, &["speech-00.flac"], &[])?;
    Ok(())
}

/// A model that was broken is mended: the same command goes on, with the state folder that it named.
#[test]
fn a_state_folder_of_another_batch_in_which_nothing_was_done() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    let (model, whole) = copy_of_the_model(&world)?;
    std::fs::write(model.join("tokenizer.json"), "{")?;
    run(&world, "in", "out", &model)?.expect(3)?.says(&["tokenizer.json"])?;
    nothing_was_done(&world)?;
    std::fs::copy(whole.join("tokenizer.json"), model.join("tokenizer.json"))?;
    run(&world, "in", "out", &model)?.expect(0)?;
    invariants::check(&world, &["speech-00.flac"], &[])?;
    Ok(())
}

#[test]
fn a_manifest_that_names_what_is_not_there() -> anyhow::Result<()> {
    let world = World::with_speech(1)?;
    std::fs::write(world.path().join("manifest.txt"), "speech-00.flac\ngone.mp3\n")?;
    let refused = world.run()?.args(["--manifest", "manifest.txt"]).run()?.expect(2)?;
    refused.says(&["gone.mp3", "line 2"])?;
    nothing_was_done(&world)
}
