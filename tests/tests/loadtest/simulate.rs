//! Simulations: figures for a user's own manifest, and what cannot be simulated.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use steno_tests::steno::Steno;
use steno_tests::world::World;

fn rows(report: &Value) -> anyhow::Result<Vec<(String, f64)>> {
    let rows = report["policies"].as_array().context("no policies")?;
    let row = |row: &Value| Some((row["policy"].as_str()?.to_owned(), row["makespan_seconds"].as_f64()?));
    rows.iter().map(|given| row(given).with_context(|| format!("{given}"))).collect()
}

#[test]
fn a_manifest_is_simulated_as_it_stands() -> anyhow::Result<()> {
    let world = World::new()?;
    let line = |name: &str, seconds: u32| {
        format!("{{\"name\":\"{name}\",\"etag\":\"e\",\"size_bytes\":1,\"seconds\":{seconds}}}\n")
    };
    let manifest: String =
        [line("a", 60), line("b", 120), line("c", 180), line("d", 240), line("e", 300)].concat();
    std::fs::write(world.path().join("m.jsonl"), manifest)?;
    let simulate = |more: &[&str]| {
        let loadtest =
            Steno::loadtest(world.path())?.args(["simulate", "--manifest", "m.jsonl", "--nodes", "2"]);
        loadtest.args(["--speed", "60", "--cold-start", "0"]).args(more).run()
    };
    let report = simulate(&["--json", "--price", "3600"])?.expect(0)?.json()?;
    // By hand: 1+3+5 | 2+4 minutes' worth at a minute a second, and the longest first 5+2+1 | 4+3.
    let wanted = [
        ("tutorial", 9.0),
        ("static-shards", 9.0),
        ("pull-in-order", 9.0),
        ("pull-longest", 8.0),
        ("steno-whole", 8.0),
        ("steno", 8.0),
    ];
    ensure!(rows(&report)? == wanted.map(|(name, makespan)| (name.to_owned(), makespan)), "{report:#}");
    ensure!(report["lower_bound_seconds"] == 7.5 && report["recordings"] == 5, "{report:#}");
    ensure!(
        report["policies"][5]["cost"].as_f64().is_some_and(|cost| (15.0..=16.0).contains(&cost)),
        "{report:#}"
    );

    let page = world.path().join("report.html");
    let picture = world.path().join("nodes.svg");
    let table = simulate(&["--report", "report.html", "--picture", "nodes.svg"])?.expect(0)?.stdout;
    ensure!(table.contains("steno") && table.contains("1.067"), "{table}");
    let (page, picture) = (std::fs::read_to_string(page)?, std::fs::read_to_string(picture)?);
    for wanted in ["5 recordings on 2 GPU nodes", "a pod a recording", "1.067", "simulate --manifest m.jsonl"]
    {
        ensure!(page.contains(wanted), "the page does not say {wanted:?}");
    }
    ensure!(
        page.matches("<svg").count() >= 6 && picture.matches("<svg").count() == 7,
        "pictures are missing"
    );
    ensure!(!page.contains("src=") && !page.contains("href="), "the page fetches something");

    simulate(&["--picture", "nodes.png"])?.expect(0)?;
    let png = std::fs::read(world.path().join("nodes.png"))?;
    let number = |at: usize| -> anyhow::Result<u32> {
        Ok(u32::from_be_bytes(png.get(at..at + 4).context("no PNG")?.try_into()?))
    };
    // Twice the size of the drawing, which its head tells.
    let head = format!("<svg width=\"{}\" height=\"{}\"", number(16)? / 2, number(20)? / 2);
    ensure!(png.starts_with(b"\x89PNG") && picture.starts_with(&head), "{head} is not that of the SVG");
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() -> anyhow::Result<()> {
    let world = World::new()?;
    std::fs::write(world.path().join("plain.txt"), "a.mp3\n")?;
    std::fs::write(world.path().join("empty.jsonl"), "\n")?;
    for (options, words) in [
        (&["--manifest", "none.jsonl"][..], "failed to open the manifest none.jsonl"),
        (&["--manifest", "plain.txt"], "plain.txt, line 1 does not tell a recording's length"),
        (&["--manifest", "empty.jsonl"], "names no recordings"),
        (&["--nodes", "2", "--node-speeds", "1,1,1"], "give no more speeds than nodes"),
        (&["--lengths", "pareto:60"], "is no distribution of lengths"),
        (&["--lengths", "like:none.jsonl"], "failed to open the manifest none.jsonl"),
        (&["--speed", "0"], "it must be above 0"),
        (&["--picture", "nodes.jpg"], "must end in .svg or .png"),
        (&["--node-life=-1"], "a number from 0 to a milliard"),
        (
            &["--report", "no/such/folder/r.html", "--recordings", "2"],
            "failed to write no/such/folder/r.html",
        ),
    ] {
        let ended = Steno::loadtest(world.path())?.arg("simulate").args(options).run()?;
        ensure!(matches!(ended.code, Some(2 | 3)), "{options:?} ended with {:?}", ended.code);
        ended.says(&[words])?;
    }
    Ok(())
}
