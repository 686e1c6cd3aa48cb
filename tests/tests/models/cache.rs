//! The cache that a node fills for its pods, by the real S3 server.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use aws_sdk_s3::primitives::ByteStream;
use steno_shared::exit::Exit;
use steno_shared::model_cache::{PullError, Pulled, look, pull};
use steno_shared::storage::{Location, Store};
use steno_tests::s3_server::S3Server;
use steno_tests::steno::Steno;
use tempfile::TempDir;

use super::{FILES, is_whole, sums};

struct World {
    server: S3Server,
    source: Store,
    cache: TempDir,
}

impl World {
    async fn new(with_sums: bool) -> Result<Self> {
        let server = S3Server::start().await?;
        server.bucket("models").await?;
        let world = Self {
            source: Store::open_with(&"s3://models/base".parse()?, &server.config(), server.loader()).await?,
            cache: tempfile::tempdir()?,
            server,
        };
        for (name, text) in FILES {
            world.put(name, text).await?;
        }
        // What is no part of the model is not fetched.
        world.put("README.md", "words").await?;
        world.put("checkpoints/model.bin", "other weights").await?;
        if with_sums {
            world.put("SHA256SUMS", &sums()).await?;
        }
        Ok(world)
    }

    async fn put(&self, name: &str, text: &str) -> Result<()> {
        let body = ByteStream::from(text.as_bytes().to_vec());
        let put =
            self.server.client().await.put_object().bucket("models").key(format!("base/{name}")).body(body);
        put.send().await?;
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.cache.path().join("base")
    }

    async fn pull(&self, wanted: Option<&str>) -> Result<Pulled, PullError> {
        pull(&self.source, &self.folder(), wanted, &|_| {}).await
    }

    /// That nothing but the model and its lock is left beside it.
    fn is_tidy(&self) -> Result<()> {
        let mut names: Vec<_> = std::fs::read_dir(self.cache.path())?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<_, _>>()?;
        names.sort();
        ensure!(names == [".base.lock", "base"], "the cache holds {names:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_fetch_once() -> Result<()> {
    let world = World::new(true).await?;
    let pulls = futures::future::try_join_all((0..8).map(|_| world.pull(None))).await?;
    let fetched = pulls.iter().filter(|pulled| pulled.fetched_bytes > 0).count();
    ensure!(fetched == 1, "{fetched} of 8 fetched it");
    ensure!(pulls.iter().all(|pulled| pulled.hash == pulls[0].hash));
    is_whole(&world.folder())?;
    world.is_tidy()?;
    // The hash is known from the checksums alone, and once it is there, the source may go.
    let hash = look(&world.source).await?.hash()?;
    ensure!(hash == pulls[0].hash);
    let nowhere = Location::Folder(world.cache.path().join("nowhere"));
    let gone = Store::open(&nowhere, &world.server.config()).await?;
    let pulled = pull(&gone, &world.folder(), Some(&hash), &|_| {}).await?;
    ensure!(pulled == Pulled { hash, fetched_bytes: 0 });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_half_written_or_damaged_is_replaced() -> Result<()> {
    let world = World::new(true).await?;
    let half = world.cache.path().join(".base.part");
    std::fs::create_dir(&half)?;
    std::fs::write(half.join("model.bin"), "weig")?;
    let hash = world.pull(None).await?.hash;
    is_whole(&world.folder())?;
    type Damage = fn(&Path) -> std::io::Result<()>;
    let damages: [(&str, Damage); 4] = [
        ("another byte", |folder| std::fs::write(folder.join("model.bin"), "Weights, weights, weights")),
        ("cut short", |folder| std::fs::write(folder.join("model.bin"), "weights")),
        ("a file gone", |folder| std::fs::remove_file(folder.join("tokenizer.json"))),
        ("emptied", |folder| {
            std::fs::remove_dir_all(folder)?;
            std::fs::create_dir(folder)
        }),
    ];
    for (name, damage) in damages {
        damage(&world.folder())?;
        let pulled = world.pull(Some(&hash)).await?;
        ensure!(pulled.fetched_bytes > 0, "{name} was not noticed");
        is_whole(&world.folder())?;
        world.is_tidy()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_damaged_or_is_another_model_never_enters_the_cache() -> Result<()> {
    let world = World::new(true).await?;
    let hash = world.pull(None).await?.hash;
    world.put("model.bin", "Weights, weights, weights").await?;
    std::fs::remove_dir_all(world.folder())?;
    let error = world.pull(None).await.unwrap_err();
    ensure!(error.to_string().contains("model.bin is damaged"), "{error}");
    ensure!(error.exit() == Exit::Lost, "a pod tries again");
    ensure!(!world.folder().exists());
    world.put("SHA256SUMS", "").await?;
    let error = world.pull(Some(&hash)).await.unwrap_err();
    ensure!(error.to_string().contains("another model than the batch was planned with"), "{error}");
    ensure!(error.exit() == Exit::Unusable, "no pod can do better");
    ensure!(!world.folder().exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_checksums_is_copied_with_some_and_not_planned_with() -> Result<()> {
    let world = World::new(false).await?;
    let error = look(&world.source).await?.hash().unwrap_err();
    ensure!(error.to_string().contains("steno model pull s3://models/base --to s3://models/base"), "{error}");
    world.pull(None).await?;
    is_whole(&world.folder())?;
    // As the message says.
    let folder = tempfile::tempdir()?;
    let run = Steno::new(folder.path())?.envs(world.server.env());
    let run = run.args(["model", "pull", "s3://models/base", "--to", "s3://models/base"]);
    run.args(["--s3-endpoint", &world.server.endpoint]).run()?.expect(0)?;
    ensure!(look(&world.source).await?.hash()? == world.pull(None).await?.hash);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_without_a_whole_model_is_named_with_what_it_lacks() -> Result<()> {
    let world = World::new(true).await?;
    let delete = world.server.client().await.delete_object().bucket("models").key("base/tokenizer.json");
    delete.send().await?;
    let error = world.pull(None).await.unwrap_err();
    ensure!(
        error.to_string().contains("s3://models/base holds no whole model: tokenizer.json missing"),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_folder_is_pulled_from_a_folder_by_the_command() -> Result<()> {
    let place = tempfile::tempdir()?;
    std::fs::create_dir(place.path().join("from"))?;
    for (name, text) in FILES {
        std::fs::write(place.path().join("from").join(name), text)?;
    }
    let pull = || Steno::new(place.path())?.args(["model", "pull", "./from", "--to", "cache/base"]).run();
    let first = pull()?.expect(0)?;
    ensure!(first.stdout.contains("cache/base holds model ./from, hash "), "{}", first.stdout);
    is_whole(&place.path().join("cache/base"))?;
    let again = pull()?.expect(0)?;
    ensure!(!again.stdout.is_empty() && is_whole(&place.path().join("cache/base")).is_ok());
    Ok(())
}
