//! Recordings of synthetic speech, and how much of it Steno understands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use steno_tests::audio;
use steno_tests::invariants;
use steno_tests::s3_server::S3Server;
use steno_tests::steno::{Ended, Steno};
use steno_tests::transcripts;
use steno_tests::world::World;

const MIXED: [&str; 6] = [
    "--formats",
    "wav,mp3,m4a,opus,flac",
    "--voices",
    "en-us,de,fr+m3,es",
    "--conditions",
    "clean,noise:10,telephone,music:6,telephone+silence:1",
];

fn generate(world: &World, recordings: &str, place: &str) -> anyhow::Result<Steno> {
    let loadtest = Steno::loadtest(world.path())?.args(["generate", place, "--recordings", recordings]);
    Ok(loadtest.args(["--lengths", "uniform:1,5", "--speech", "--references", &format!("{place}-texts")]))
}

fn bytes(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    Ok(transcripts::files(folder)?.into_iter().map(|(name, (bytes, _))| (name, bytes)).collect())
}

/// The reference texts in a folder, by their recordings' names.
fn references(folder: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let files = bytes(folder)?.into_iter().filter(|(name, _)| name != "backlog.json");
    files
        .map(|(name, bytes)| {
            let reference: Value = serde_json::from_slice(&bytes)?;
            let of = reference["name"].as_str().context("no name")?.to_owned();
            ensure!(name == format!("{of}.json"), "{name} is of {of}");
            Ok((of, reference))
        })
        .collect()
}

/// What is heard between two frequencies, as the root mean square of its samples.
fn loudness(recording: &Path, filter: &str, scratch: &Path) -> anyhow::Result<f64> {
    let samples = scratch.join("heard.raw");
    let recording = recording.to_string_lossy();
    // At one rate for all, before anything is filtered.
    let filter = format!("aresample=16000,{filter}");
    audio::ffmpeg(&["-i", &recording, "-af", &filter, "-ac", "1", "-f", "s16le"], &samples)?;
    let bytes = std::fs::read(samples)?;
    let samples = bytes.as_chunks().0.iter().map(|&bytes| f64::from(i16::from_le_bytes(bytes)));
    let count = samples.len().max(1) as f64;
    Ok((samples.map(|sample| sample * sample).sum::<f64>() / count).sqrt())
}

#[test]
fn the_same_options_make_the_same_speech_and_go_on_where_it_stopped() -> anyhow::Result<()> {
    let world = World::new()?;
    let make = |place: &str, recordings: &str| -> anyhow::Result<Ended> {
        generate(&world, recordings, place)?.args(MIXED).args(["--seed", "7"]).run()?.expect(0)
    };
    let folder = |name: &str| bytes(&world.path().join(name));
    make("a", "14")?.says(&["14 recordings", "of speech", "14 written, 0 there before"])?;
    let (first, first_texts) = (folder("a")?, references(&world.path().join("a-texts"))?);
    // Stopped after a text and before its recording, or before both.
    let mut names = first.keys();
    let (one, other) = (names.next().context("none")?, names.next_back().context("none")?);
    std::fs::remove_file(world.path().join("a").join(one))?;
    std::fs::remove_file(world.path().join("a").join(other))?;
    std::fs::remove_file(world.path().join("a-texts").join(format!("{other}.json")))?;
    let kept = transcripts::files(&world.path().join("a-texts"))?;
    make("a", "16")?.says(&["4 written, 12 there before"])?;
    // What is there is not made once more, which would write its text anew.
    let now = transcripts::files(&world.path().join("a-texts"))?;
    let of_one = format!("{one}.json");
    let is_kept = |name: &String| *name == of_one || now.get(name) == kept.get(name);
    ensure!(kept.len() == 14 && kept.keys().all(is_kept), "{:?}", kept.keys());
    let (second, texts) = (folder("a")?, references(&world.path().join("a-texts"))?);
    ensure!(second.len() == 16 && first.iter().all(|(name, bytes)| second.get(name) == Some(bytes)));
    ensure!(first_texts.iter().all(|(name, text)| texts.get(name) == Some(text)), "{texts:#?}");
    make("b", "16")?;
    ensure!(
        folder("b")? == second && references(&world.path().join("b-texts"))? == texts,
        "another time, other bytes"
    );

    // Every format and language is there, and Steno finds every recording as long as it is said to be.
    ensure!(texts.keys().eq(second.keys()), "{:?} and {:?}", texts.keys(), second.keys());
    let formats: BTreeSet<&str> = second.keys().filter_map(|name| Some(name.rsplit_once('.')?.1)).collect();
    ensure!(formats == BTreeSet::from(["flac", "m4a", "mp3", "opus", "wav"]), "{formats:?}");
    let languages: BTreeSet<&str> = texts.values().filter_map(|text| text["language"].as_str()).collect();
    ensure!(languages == BTreeSet::from(["de", "en", "es", "fr"]), "{languages:?}");
    let listed = world.steno()?.args(["manifest", "b"]).run()?.expect(0)?.json_lines()?;
    ensure!(listed.len() == 16, "{listed:#?}");
    for line in &listed {
        let text = texts.get(line["name"].as_str().context("no name")?).context("no text")?;
        let (told, said) =
            (line["seconds"].as_f64().unwrap_or_default(), text["seconds"].as_f64().unwrap_or_default());
        ensure!(said >= 1.0 && (told - said).abs() < 0.15, "{line:#} and {text:#}");
        ensure!(text["text"].as_str().is_some_and(|text| text.ends_with('.') && text.len() > 20), "{text:#}");
    }

    // Other options would mix two backlogs; and a user's own recording is none of these.
    let other = generate(&world, "16", "a")?.args(MIXED).args(["--seed", "2"]).run()?.expect(2)?;
    other.says(&["of a backlog with other options", "\"seed\":7"])?;
    std::fs::remove_file(world.path().join("a-texts").join(format!("{one}.json")))?;
    generate(&world, "16", "a")?
        .args(MIXED)
        .args(["--seed", "7"])
        .run()?
        .expect(2)?
        .says(&["is in a already, and its text not in a-texts"])?;
    Ok(())
}

#[tokio::test]
async fn a_bucket_gets_the_same_speech_as_a_folder() -> anyhow::Result<()> {
    let world = World::new()?;
    let store = S3Server::start().await?;
    store.bucket("made").await?;
    for place in ["s3://made/speech", "folder"] {
        let loadtest = generate(&world, "3", place)?.args(["--formats", "m4a,wav"]);
        loadtest.args(["--s3-endpoint", &store.endpoint]).envs(store.env()).run()?.expect(0)?;
    }
    for of in ["", "-texts"] {
        let bucket = bytes(&store.bucket_folder("made").join(format!("speech{of}")))?;
        let folder = bytes(&world.path().join(format!("folder{of}")))?;
        ensure!(bucket == folder && folder.len() >= 3, "{:?} and {:?}", bucket.keys(), folder.keys());
    }
    Ok(())
}

#[test]
fn conditions_are_heard_and_change_no_words() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut heard = BTreeMap::new();
    let mut said = BTreeSet::new();
    for condition in ["clean", "telephone", "noise:3", "music:3"] {
        generate(&world, "1", condition)?
            .args(["--formats", "wav", "--conditions", condition])
            .run()?
            .expect(0)?;
        let recording = world.path().join(condition).join("0000/0000000.wav");
        let below = loudness(&recording, "lowpass=f=150,lowpass=f=150", world.path())?;
        let above = loudness(&recording, "highpass=f=5000,highpass=f=5000", world.path())?;
        let rate = std::fs::read(&recording)?.get(24..28).map(<[u8]>::to_vec);
        heard.insert(condition, (below, above, rate));
        let texts = references(&world.path().join(format!("{condition}-texts")))?;
        let text = texts.get("0000/0000000.wav").context("no text")?;
        ensure!(text["condition"] == condition, "{text:#}");
        said.insert(text["text"].to_string());
    }
    ensure!(said.len() == 1, "{said:?}");
    let (clean, telephone, noise) = (&heard["clean"], &heard["telephone"], &heard["noise:3"]);
    ensure!(telephone.2.as_deref() == Some(&8_000_u32.to_le_bytes()), "{telephone:?}");
    ensure!(telephone.0 < clean.0 * 0.5 && telephone.1 < clean.1 * 0.5, "{heard:?}");
    ensure!(noise.1 > clean.1 * 2.0, "{heard:?}");
    ensure!(heard["music:3"] != *clean, "{heard:?}");
    Ok(())
}

#[test]
fn a_real_engine_is_measured_by_its_errors() -> anyhow::Result<()> {
    let world = World::new()?;
    let input = world.input();
    let loadtest = Steno::loadtest(world.path())?.arg("generate").arg(&input).args([
        "--speech",
        "--references",
        "texts",
    ]);
    let loadtest =
        loadtest.args(["--recordings", "4", "--lengths", "uniform:6,10", "--formats", "opus,m4a,flac"]);
    loadtest.run()?.expect(0)?;
    // Nobody has said this.
    let texts = world.path().join("texts");
    std::fs::write(
        texts.join("lost.json"),
        r#"{"name":"lost.wav","language":"de","text":"Ein Satz, der fehlt.","condition":"lost"}"#,
    )?;
    let run = || -> anyhow::Result<Steno> {
        let loadtest = Steno::loadtest(world.path())?.arg("run").arg(&input).arg("--out").arg(world.output());
        let loadtest = loadtest.args(["--references", "texts", "--workers", "1", "--model"]);
        let loadtest = loadtest.arg(audio::fetched("models/tiny.en")?).args(["--state", "state"]);
        Ok(loadtest.envs([("TMPDIR", world.path().to_string_lossy().as_ref())]))
    };
    let limits = ["--max-wer", "0.02", "--json", "--report", "report.html", "--", "--threads", "2"];
    let ended = run()?.args(limits).run()?.expect(1)?;
    ended.clone().says(&["Limit broken: the word error rate is ", "and at most 0.02 is wanted"])?;
    let rates = &ended.json()?["rounds"][0]["word_errors"];
    let figure =
        |of: &Value, name: &str| of[name].as_f64().with_context(|| format!("no {name} in {rates:#}"));
    let (all, english, german) = (&rates["all"], &rates["by_language"]["en"], &rates["by_language"]["de"]);
    ensure!(all["recordings"] == 5 && all["missing"] == 1 && english["missing"] == 0, "{rates:#}");
    // Tiny.en understands most of what espeak-ng says.
    ensure!(figure(english, "words")? > 60.0 && figure(english, "rate")? < 0.3, "{rates:#}");
    ensure!(figure(german, "errors")? == 4.0 && figure(german, "rate")? == 1.0, "{rates:#}");
    ensure!(
        rates["by_condition"]["lost"] == *german && rates["by_condition"]["clean"] == *english,
        "{rates:#}"
    );
    ensure!(figure(all, "errors")? == figure(english, "errors")? + 4.0, "{rates:#}");
    let page = std::fs::read_to_string(world.path().join("report.html"))?;
    ensure!(
        page.contains("<th>WER</th>")
            && page.contains("Word error rate of the last round: all ")
            && page.contains("<h2>Calls to Redis</h2>"),
        "{page}"
    );

    // The transcripts alone tell the same, as often as one asks.
    let output = world.output().join("round-1");
    let wer = |references: &str, more: &[&str]| {
        let loadtest =
            Steno::loadtest(world.path())?.arg("wer").arg(&output).args(["--references", references]);
        loadtest.args(more).run()
    };
    ensure!(wer("texts", &["--json"])?.expect(0)?.json()? == *rates, "{rates:#}");
    let table = wer("texts", &["--max-wer", "0.9"])?.expect(0)?.stdout;
    ensure!(table.contains("WER") && table.contains("100.0%"), "{table}");
    wer("texts", &["--max-wer", "0.001"])?.expect(1)?.says(&["Limit broken: the word error rate is "])?;
    // Another output is a reference too: of itself, nothing is wrong. What waits for other parts is none.
    let heard = output.to_string_lossy().into_owned();
    std::fs::write(output.join(".steno-part-x.json"), "{}")?;
    let with_itself = wer(&heard, &["--json"])?.expect(0)?.json()?;
    std::fs::remove_file(output.join(".steno-part-x.json"))?;
    ensure!(with_itself["all"]["recordings"] == 4 && with_itself["all"]["missing"] == 0, "{with_itself:#}");
    ensure!(
        with_itself["all"]["errors"] == 0 && figure(&with_itself["all"], "words")? > 60.0,
        "{with_itself:#}"
    );
    std::fs::create_dir(world.path().join("empty"))?;
    wer("empty", &[])?.expect(2)?.says(&["empty holds no reference texts"])?;
    wer("nowhere", &[])?.expect(3)?.says(&["nowhere"])?;
    std::fs::write(texts.join("wrong.json"), "[]")?;
    wer("texts", &[])?.expect(3)?.says(&["\"wrong.json\" in texts is no reference text"])?;
    invariants::nothing_runs(&world)
}

#[test]
fn what_speech_lacks_is_named_before_anything_is_written() -> anyhow::Result<()> {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let world = World::new()?;
    let programs = |name: &str| world.path().join(name).to_string_lossy().into_owned();
    // No espeak-ng; and an ffmpeg that has no encoders.
    for folder in ["silent", "mute"] {
        std::fs::create_dir(programs(folder))?;
    }
    symlink(audio::fetched("bin/ffmpeg")?, world.path().join("silent/ffmpeg"))?;
    let ffmpeg = world.path().join("mute/ffmpeg");
    std::fs::write(&ffmpeg, "#!/bin/sh\necho ' A....D flac   FLAC'\n")?;
    std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755))?;
    for (path, words) in [
        (
            "silent",
            "espeak-ng, which speaks the recordings, is not on the PATH; install it (Debian, Ubuntu: `apt install espeak-ng`",
        ),
        (
            "mute",
            "has no encoder libopus, which opus needs; install an ffmpeg that has it, or leave opus out of --formats",
        ),
    ] {
        let path = programs(path);
        let loadtest =
            generate(&world, "2", "made")?.args(["--formats", "flac,opus"]).envs([("PATH", path.as_str())]);
        loadtest.run()?.expect(3)?.says(&[words])?;
    }
    for (more, code, words) in [
        (&["--voices", "en-us,en-nowhere"][..], 3, "espeak-ng cannot speak with the voice en-nowhere"),
        (&["--voices", "ru"], 2, "there are no sentences for a voice \"ru\""),
        (&["--conditions", "clean,loud"], 2, "\"loud\" is no condition"),
        (&["--formats", "aac"], 2, "[possible values: wav, mp3, m4a, opus, flac]"),
    ] {
        generate(&world, "2", "made")?.args(more).run()?.expect(code)?.says(&[words])?;
    }
    for more in [&["--speech"][..], &["--references", "texts"], &["--voices", "de"], &["--formats", "wav"]] {
        Steno::loadtest(world.path())?.args(["generate", "made"]).args(more).run()?.expect(2)?;
    }
    ensure!(
        !world.path().join("made").exists() && !world.path().join("made-texts").exists(),
        "something was written"
    );
    Ok(())
}
