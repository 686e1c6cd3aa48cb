//! Parts of a recording in an output: whoever publishes the last one joins them, whoever dies in between.

use anyhow::{Context as _, Result, ensure};
use steno_shared::batch::{BatchMeta, Splitting};
use steno_shared::recording::{DurationSource, Recording};
use steno_shared::storage::{Location, S3Config, Store};
use steno_shared::transcript::{Provenance, SCHEMA_VERSION, Segment, Transcript};
use steno_tests::lease_world::batch_meta;
use steno_worker::parts::Standing;
use steno_worker::publish::Publisher;

/// An output with what a worker writes to it.
struct Output {
    folder: tempfile::TempDir,
    publisher: Publisher,
}

impl Output {
    async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let location: Location = folder.path().display().to_string().parse()?;
        let store = Store::open(&location, &S3Config::default()).await?;
        let meta = BatchMeta { splitting: Splitting::Auto, ..batch_meta(&"parts".parse()?, 1) };
        Ok(Self { folder, publisher: Publisher::new(store, &meta, false)? })
    }

    async fn publish(&self, part: &Recording, texts: &[&str]) -> Result<String> {
        let transcript = self.transcript(part, texts)?;
        self.publisher.publish_part(part, &transcript).await.context("it was not published")
    }

    fn transcript(&self, part: &Recording, texts: &[&str]) -> Result<Transcript> {
        let from = part.part.context("no part")?.begin_seconds();
        let segment = |(index, text): (usize, &&str)| Segment {
            start: from + index as f64,
            end: from + index as f64 + 1.0,
            text: (*text).to_owned(),
            avg_logprob: -0.1,
            no_speech_prob: 0.0,
            compression_ratio: 1.0,
            temperature: 0.0,
            words: None,
        };
        Ok(Transcript {
            filename: part.name.clone(),
            language: if texts.is_empty() { "en" } else { "de" }.to_owned(),
            language_probability: if texts.is_empty() { 0.0 } else { 0.9 },
            segments: texts.iter().enumerate().map(segment).collect(),
            schema_version: SCHEMA_VERSION,
            duration: part.seconds,
            duration_after_vad: Some(texts.len() as f64),
            warnings: vec!["damaged".to_owned()],
            provenance: Provenance {
                fingerprint: self.publisher.fingerprint(part),
                audio_etag: part.etag.clone(),
                audio_bytes: part.size_bytes,
                model: "m".into(),
                model_hash: "h".into(),
                options_hash: self.publisher.options_hash().to_owned(),
                engine: "e".into(),
                device: "cpu".into(),
                attempt: 1 + part.part.map_or(0, |part| part.index),
            },
        })
    }

    fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.folder.path())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn whole(&self) -> Result<Transcript> {
        Ok(serde_json::from_slice(&std::fs::read(self.folder.path().join("long.mp3.json"))?)?)
    }
}

fn recording() -> Recording {
    Recording {
        name: "long.mp3".into(),
        etag: "e".into(),
        size_bytes: 9,
        seconds: 900.0,
        seconds_from: DurationSource::Header,
        part: None,
    }
}

#[tokio::test]
async fn the_last_one_joins_them_in_whatever_order_they_come() -> Result<()> {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let output = Output::new().await?;
        let parts = recording().in_parts(3);
        let texts: [&[&str]; 3] = [&[], &[" eins", " zwei"], &[" drei"]];
        for (nth, index) in order.into_iter().enumerate() {
            ensure!(!output.names()?.contains(&"long.mp3.json".to_owned()), "joined too early");
            output.publish(&parts[index], texts[index]).await?;
            ensure!(output.names()?.len() == if nth < 2 { nth + 1 } else { 1 }, "{:?}", output.names()?);
        }
        let whole = output.whole()?;
        let said: Vec<&str> = whole.segments.iter().map(|segment| segment.text.as_str()).collect();
        ensure!(said == [" eins", " zwei", " drei"], "{said:?}");
        ensure!((whole.language.as_str(), whole.language_probability) == ("de", 0.9), "that of who speaks");
        ensure!((whole.duration, whole.duration_after_vad) == (900.0, Some(3.0)), "{whole:#?}");
        ensure!(whole.warnings == ["damaged"] && whole.provenance.attempt == 3, "{whole:#?}");
        ensure!(whole.provenance.fingerprint == output.publisher.fingerprint(&recording()));
    }
    Ok(())
}

/// Its worker died between publishing the last part and joining them.
#[tokio::test]
async fn who_finds_the_own_part_published_looks_whether_all_are_there() -> Result<()> {
    let (output, elsewhere) = (Output::new().await?, Output::new().await?);
    let parts = recording().in_parts(2);
    output.publish(&parts[0], &[" a"]).await?;
    ensure!(output.publisher.find_standing(&parts[1]).await?.is_none(), "it is not there yet");
    elsewhere.publish(&parts[1], &[" b"]).await?;
    let name = elsewhere.names()?.remove(0);
    std::fs::copy(elsewhere.folder.path().join(&name), output.folder.path().join(&name))?;
    let found = output.publisher.find_standing(&parts[1]).await?;
    ensure!(matches!(found, Some(Standing::Part { .. })), "{found:?}");
    ensure!(output.publisher.join_if_all(&parts[1]).await?.is_some());
    ensure!(output.names()? == ["long.mp3.json"], "{:?}", output.names()?);
    let found = output.publisher.find_standing(&parts[0]).await?;
    ensure!(matches!(found, Some(Standing::Whole(_))), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn a_late_part_leaves_nothing_behind_and_changes_nothing() -> Result<()> {
    let output = Output::new().await?;
    let parts = recording().in_parts(2);
    output.publish(&parts[0], &[" a"]).await?;
    output.publish(&parts[0], &[" another attempt"]).await?;
    let joined = output.publish(&parts[1], &[" b"]).await?;
    let before = output.whole()?;
    ensure!(before.segments[0].text == " a", "the first attempt stands");
    ensure!(output.publish(&parts[1], &[" late"]).await? == joined, "it is told what stands");
    ensure!(output.names()? == ["long.mp3.json"] && output.whole()? == before, "{:?}", output.names()?);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_is_made_anew() -> Result<()> {
    let output = Output::new().await?;
    let parts = recording().in_parts(2);
    output.publish(&parts[0], &[" a"]).await?;
    let name = output.names()?.remove(0);
    std::fs::write(output.folder.path().join(name), "{\"index\": 0")?;
    output.publish(&parts[1], &[" b"]).await?;
    ensure!(!output.names()?.contains(&"long.mp3.json".to_owned()), "nothing was joined");
    ensure!(output.publisher.find_standing(&parts[0]).await?.is_none());
    output.publish(&parts[0], &[" a"]).await?;
    ensure!(output.names()? == ["long.mp3.json"] && output.whole()?.segments.len() == 2);
    Ok(())
}
