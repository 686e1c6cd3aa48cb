//! Names that strangers chose: each recording gets its own transcript, below the output, and nothing else is touched.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, ensure};
use aws_sdk_s3::primitives::ByteStream;
use steno_shared::output_name::transcript_key;
use steno_shared::simulated::Content;
use steno_tests::s3_server::S3Server;
use steno_tests::steno::Ended;
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, transcripts};

/// Names that something on the way could take for another's, for a path, or for a word of its own.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "a.flac",
        "A.flac",
        "a.FLAC",
        // A folder where the transcript of its neighbour goes.
        "a.flac.json/b.flac",
        "a.flac.json/a.flac.srt/c.flac",
        "caf\u{e9}.flac",
        "cafe\u{301}.flac",
        "\u{ff41}.flac",
        "two\nlines.flac",
        "a%0Ab.flac",
        "a\nb.flac",
        "bell\u{7}\u{1b}[2J\u{1b}]0;owned\u{7}.flac",
        "\u{202e}calf.flac",
        "back\\slash.flac",
        "x..\\..\\x.flac",
        "%2e%2e/x.flac",
        "%00.flac",
        "-rf.flac",
        "--help.flac",
        "$(touch owned).flac",
        "`touch owned`.flac",
        "a;touch owned;.flac",
        "concat:a.flac",
        "http:%2F%2F127.0.0.1%2F.flac",
        "{\"name\":\"a.flac\"}.flac",
        " space .flac",
        "STENO-SIMULATED.md.flac",
        "'\"<&>.flac",
        "*?[a].flac",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push(format!("{}.flac", "n".repeat(250)));
    names.push(format!("{}m.flac", "n".repeat(249)));
    // As long as a bucket's keys are.
    names.push(format!("{}{}.flac", "deep folder/".repeat(84), "k".repeat(11)));
    names.push(format!("{}{}.flac", "deep folder/".repeat(84), "l".repeat(11)));
    names
}

/// A recording whose words are of its own.
fn recording(name: &str) -> Vec<u8> {
    [audio::flac_header(60, &[]), name.as_bytes().to_vec()].concat()
}

fn write(root: &Path, name: &str) -> anyhow::Result<()> {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().context("no parent")?)?;
    std::fs::write(&path, recording(name)).with_context(|| format!("failed to write {name:?}"))
}

/// That the words of a transcript are those of the recording of that name.
fn check_words(name: &str, transcript: &serde_json::Value) -> anyhow::Result<()> {
    let said = transcripts::texts(transcript);
    let own = Content::read(&recording(name)[..])?.texts(60.0);
    ensure!(said == own, "{name:?} has another's words: {said:?}");
    Ok(())
}

/// All paths below a folder but those of the output, the state and what Steno said.
fn around(world: &World) -> anyhow::Result<BTreeSet<String>> {
    let files = transcripts::files(world.path())?.into_keys();
    Ok(files
        .filter(|path| !["out/", "state/", "steno-said-"].iter().any(|own| path.starts_with(own)))
        .collect())
}

/// That a terminal shows what was said, and obeys nothing in it.
fn drives_no_terminal(ended: &Ended) -> anyhow::Result<()> {
    for text in [&ended.stdout, &ended.stderr] {
        let harmful = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        ensure!(harmful.is_none(), "{harmful:?} in {text:?}");
    }
    Ok(())
}

#[test]
fn recordings_of_a_folder_with_hostile_names_get_their_own_transcripts() -> anyhow::Result<()> {
    let world = World::new()?;
    let names = hostile();
    for name in &names {
        write(&world.input(), name)?;
    }
    // Only a manifest can name these, since a listing leaves hidden files out.
    let hidden = [".steno-tmp-x.flac", "a/.steno-tmp-y.flac", "... .flac", "..\\..\\x.flac"];
    for name in hidden {
        write(&world.input(), name)?;
    }
    std::fs::write(world.path().join("neighbour.json"), "theirs")?;
    let before = around(&world)?;
    let all: Vec<&str> = names.iter().map(String::as_str).collect();

    let run = || world.rehearse("4", "100000").map(|run| run.args(["--format", "json,srt,txt"]));
    let ended = run()?.run()?.expect(0)?;
    drives_no_terminal(&ended)?;
    expect_counts(
        &ended.json()?,
        &[("recordings", all.len() as u64), ("done", all.len() as u64), ("failed", 0)],
    )?;
    for (name, transcript) in invariants::check(&world, &all, &[])? {
        check_words(&name, &transcript)?;
        for format in ["srt", "txt"] {
            let key = transcript_key(&name, format);
            ensure!(world.output().join(&key).is_file(), "there is no {key:?}");
        }
    }
    for command in ["items", "status"] {
        let shown = world.steno()?.arg(command).arg("--state").arg(world.state()).run()?.expect(0)?;
        drives_no_terminal(&shown)?;
    }
    ensure!(around(&world)? == before, "something beside the output was touched: {:?}", around(&world)?);

    // The same by a manifest of `steno manifest`, and the hidden ones: nothing is transcribed again.
    let listed = world.steno()?.arg("manifest").arg(world.input()).run()?.expect(0)?;
    let manifest = world.state().join("own.jsonl");
    let hidden_lines: String =
        hidden.iter().map(|name| format!("{}\n", serde_json::json!({"name": name}))).collect();
    std::fs::write(&manifest, listed.stdout + &hidden_lines)?;
    let ended = run()?.arg("--manifest").arg(&manifest).run()?.expect(0)?;
    expect_counts(&ended.json()?, &[("done", 4), ("skipped", all.len() as u64), ("failed", 0)])?;
    let all: Vec<&str> = all.into_iter().chain(hidden).collect();
    for (name, transcript) in invariants::check(&world, &all, &[])? {
        check_words(&name, &transcript)?;
    }
    ensure!(around(&world)? == before, "something beside the output was touched: {:?}", around(&world)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_of_a_bucket_with_hostile_names_get_their_own_transcripts() -> anyhow::Result<()> {
    let (world, server) = (World::new()?, S3Server::start().await?);
    let bucket = server.bucket("calls").await?;
    let client = server.client().await;
    let mut names = hostile();
    // This server lists no other control characters: docs/storage.md.
    names.retain(|name| !name.contains('\u{1b}'));
    ensure!(names.iter().any(|name| name.len() == 1024), "none is as long as a key may be");
    for name in &names {
        let put = client.put_object().bucket(&bucket).key(name).body(ByteStream::from(recording(name)));
        put.send().await.with_context(|| format!("failed to upload {name:?}"))?;
    }
    let outbox = server.bucket("texts").await?;
    let longest_prefix = "p".repeat(200) + "/" + &"q".repeat(122);
    let output = format!("s3://{outbox}/{longest_prefix}");
    let steno = |output: &str| -> anyhow::Result<_> {
        let run = world.steno()?.args(["run", "s3://calls", "--out", output, "--json", "--workers", "4"]);
        let run =
            run.args(["--engine", "simulated", "--simulated-speed", "100000", "--state"]).arg(world.state());
        Ok(run.envs(server.env()).args(["--s3-endpoint", &server.endpoint]))
    };
    let refused = steno(&format!("{output}x"))?.run()?.expect(2)?;
    refused.says(&["has 324 bytes, and at most 323", "choose a shorter one"])?;
    let ended = steno(&output)?.run()?.expect(0)?;
    drives_no_terminal(&ended)?;
    expect_counts(&ended.json()?, &[("done", names.len() as u64), ("failed", 0)])?;
    let files = transcripts::files(&server.bucket_folder(&outbox).join(&longest_prefix))?;
    for name in &names {
        let key = transcript_key(name, "json");
        let (bytes, _) = files.get(&key).with_context(|| format!("no {key:?} among {:?}", files.keys()))?;
        let transcript = transcripts::valid(&key, bytes)?;
        ensure!(transcript["filename"] == **name, "{key:?} names {}", transcript["filename"]);
        check_words(name, &transcript)?;
    }
    ensure!(files.len() == names.len() + 1, "more than transcripts and the marker: {:?}", files.keys());
    Ok(())
}

#[test]
fn manifests_that_ask_for_what_is_not_in_the_input_start_nothing() -> anyhow::Result<()> {
    let world = World::new()?;
    write(&world.input(), "a.flac")?;
    write(world.path(), "outside.flac")?;
    let outside = world.path().join("outside.flac");
    let before = around(&world)?;
    for (lines, said) in [
        ("a.flac\n../outside.flac\n".to_owned(), "line 2: failed to read"),
        (format!("a.flac\n\n{}\n", outside.display()), "line 3: "),
        ("{\"name\":\"../outside.flac\"}\n".to_owned(), "line 1: failed to read"),
        ("{\"name\":\"a\\u0000.flac\"}\n".to_owned(), "has a NUL character"),
        (
            "{\"name\":\"../outside.flac\",\"etag\":\"e\",\"size_bytes\":1,\"seconds\":1}\n".to_owned(),
            "line 1: ",
        ),
        (
            "a.flac\n{\"name\":\"a.flac\",\n".to_owned(),
            "line 2: it is not JSON as `steno manifest` writes it",
        ),
        ("{\"name\":\"a.flac\",\"seconds\":1e999}\n".to_owned(), "line 1: it is not JSON"),
        ("a.flac\n\u{0}\n".to_owned(), "has a NUL character"),
        ("gone.flac\n".to_owned(), "\"gone.flac\" (line 1)"),
        (format!("{}\n", "a".repeat(40_000)), "line 1: it is longer than 32768 bytes"),
    ] {
        let manifest = world.path().join("steno-said-manifest");
        std::fs::write(&manifest, &lines)?;
        let ended = world.rehearse("1", "100000")?.arg("--manifest").arg(&manifest).run()?;
        ended.expect(2).with_context(|| format!("{lines:?}"))?.says(&[said])?;
        ensure!(transcripts::count(&world.output())? == 0, "{lines:?} was begun");
    }
    let endless = world.rehearse("1", "100000")?.args(["--manifest", "/dev/zero"]).run()?.expect(2)?;
    endless.says(&["failed to read /dev/zero line 1: it is longer than"])?;
    ensure!(around(&world)? == before, "something beside the output was touched");
    Ok(())
}

#[test]
fn a_manifest_of_a_thousand_million_lines_costs_neither_memory_nor_disk() -> anyhow::Result<()> {
    let world = World::new()?;
    write(&world.input(), "a.flac")?;
    let pipe = world.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU)?;
    let mut endless = std::process::Command::new("sh");
    let mut endless = endless.args(["-c", "exec yes a.flac >\"$1\"", "sh"]).arg(&pipe).spawn()?;
    let mut running = world.rehearse("1", "100000")?.arg("--manifest").arg(&pipe).start()?;
    let (mut memory_kib, mut disk_bytes) = (0, 0);
    while running.is_running()? {
        memory_kib = memory_kib.max(peak_kib(running.pid()?).unwrap_or_default());
        disk_bytes = disk_bytes.max(kept_bytes(&world.state()));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // The pipe breaks when nobody reads it any more.
    endless.wait()?;
    running.ended()?.expect(2)?.says(&["pipe: it has more than 5,000,000 lines"])?;
    ensure!((1..200 << 10).contains(&memory_kib), "{memory_kib} KiB were needed");
    ensure!(disk_bytes < 40_000_000, "{disk_bytes} bytes were kept");
    ensure!(kept_bytes(&world.state()) < 1_000_000, "some of it is left");
    ensure!(transcripts::count(&world.output())? == 0, "it was begun");
    Ok(())
}

/// What the files of a folder come to; they come and go.
fn kept_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

/// The most memory that a process has had so far.
fn peak_kib(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.trim().parse().ok()
}
