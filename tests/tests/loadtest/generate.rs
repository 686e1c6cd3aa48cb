//! Made-up backlogs.

use std::collections::BTreeMap;

use anyhow::ensure;
use steno_tests::s3_server::S3Server;
use steno_tests::steno::Steno;
use steno_tests::transcripts;
use steno_tests::world::World;

const LENGTHS: [&str; 2] = ["--lengths", "lognormal:60,0.8"];

fn bytes(folder: &std::path::Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    Ok(transcripts::files(folder)?.into_iter().map(|(name, (bytes, _))| (name, bytes)).collect())
}

#[test]
fn the_same_options_make_the_same_backlog_and_go_on_where_it_stopped() -> anyhow::Result<()> {
    let world = World::new()?;
    let make = |place: &str, recordings: &str, seed: &str| -> anyhow::Result<_> {
        let loadtest = Steno::loadtest(world.path())?.args(["generate", place]).args(LENGTHS);
        loadtest.args(["--recordings", recordings, "--seed", seed]).run()?.expect(0)
    };
    make("a", "40", "1")?.says(&["40 recordings", "40 written, 0 there before"])?;
    std::fs::remove_file(world.path().join("a/0000/0000007.flac"))?;
    make("a", "60", "1")?.says(&["60 recordings", "21 written, 39 there before"])?;
    make("b", "60", "1")?;
    let (once, twice) = (bytes(&world.path().join("a"))?, bytes(&world.path().join("b"))?);
    ensure!(once == twice && twice.len() == 60, "{:?} and {:?}", once.keys(), twice.keys());
    make("c", "60", "2")?;
    ensure!(bytes(&world.path().join("c"))? != twice, "another seed made the same");
    // Over a user's own, or another backlog, nothing is written.
    let kept = world.path().join("c/0000/0000003.flac");
    std::fs::write(&kept, "a user's own")?;
    let before = bytes(&world.path().join("c"))?;
    for seed in ["2", "1"] {
        let loadtest = Steno::loadtest(world.path())?.args(["generate", "c"]).args(LENGTHS);
        let refused = loadtest.args(["--recordings", "90", "--seed", seed]).run()?.expect(2)?;
        refused.says(&["is there already, and is none of these recordings; give an empty place"])?;
        ensure!(bytes(&world.path().join("c"))? == before, "a refused one has written");
    }
    // Steno reads the lengths that were drawn.
    let listed = world.steno()?.args(["manifest", "b"]).run()?.expect(0)?;
    let seconds: Vec<f64> = listed.json_lines()?.iter().filter_map(|line| line["seconds"].as_f64()).collect();
    ensure!(seconds.len() == 60 && seconds.iter().all(|&seconds| seconds >= 0.1), "{seconds:?}");
    Ok(())
}

#[tokio::test]
async fn a_bucket_gets_the_same_backlog_as_a_folder() -> anyhow::Result<()> {
    let world = World::new()?;
    let store = S3Server::start().await?;
    store.bucket("made").await?;
    for place in ["s3://made/backlog", "folder"] {
        let loadtest = Steno::loadtest(world.path())?.args(["generate", place, "--recordings", "25"]);
        loadtest.args(["--s3-endpoint", &store.endpoint]).envs(store.env()).run()?.expect(0)?;
    }
    let (bucket, folder) =
        (bytes(&store.bucket_folder("made").join("backlog"))?, bytes(&world.path().join("folder"))?);
    ensure!(bucket == folder && folder.len() == 25, "{:?} and {:?}", bucket.keys(), folder.keys());
    Ok(())
}
