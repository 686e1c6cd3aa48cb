//! From the input to leases: list, leave out what is transcribed already, probe, plan, enqueue.

mod adopt;
mod known;
mod transcripts;

pub(crate) use adopt::adopt_published;

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use steno_shared::batch::{BatchMeta, Splitting};
use steno_shared::ids::ShardId;
use steno_shared::leases::{ItemState, LeaseLimits, Leases, NewItem};
use steno_shared::output_name::{TRANSCRIPT_KEY_BYTES_MAX, transcript_key};
use steno_shared::part_key::part_key;
use steno_shared::recording::{DurationSource, Recording};
use steno_shared::simulated;
use steno_shared::storage::{Location, PutCondition, Store};
use steno_shared::subtitles::SubtitleLayout;
use steno_shared::transcript::Format;

use crate::existing::Existing;
use crate::failure::Failure;
use crate::listed::Listed;
use crate::listing;
use crate::manifest::{Found, KnownLengths, Notice, RECORDINGS_MAX, list_recordings, read_manifest};
use crate::plan::{Beside, plan, split};
use crate::quantities::{counted, grouped, name};
use known::Known;
use transcripts::{There, Transcripts};

/// How many published transcripts are looked at side by side.
const LOOKS_AT_ONCE: usize = 32;
/// Longest prefix of an output in a bucket: before it and a slash, a key has 1,024 bytes.
const OUTPUT_PREFIX_BYTES_MAX: usize = 1024 - 1 - TRANSCRIPT_KEY_BYTES_MAX;
/// How many recordings a message names.
const NAMES_SHOWN: usize = 5;

/// What is brought together to take a backlog in.
pub(crate) struct Intake<'a> {
    pub(crate) input: &'a Store,
    pub(crate) output: &'a Store,
    pub(crate) leases: &'a Leases,
    pub(crate) meta: &'a BatchMeta,
    /// The manifest to read instead of listing the input, and what it is called.
    pub(crate) manifest: Option<(&'a Path, String)>,
    pub(crate) existing: Existing,
    /// Workers that the backlog is for.
    pub(crate) workers: NonZeroU32,
    /// Longest recording that they accept, in seconds.
    pub(crate) longest_seconds: u64,
}

/// What was found in the input and became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Backlog {
    /// Recordings in the input.
    pub(crate) recordings: u64,
    /// Beside them: entries of the input that cannot be listed or followed: an unreadable subfolder, a link that leads nowhere.
    pub(crate) left_out: u64,
    /// Of the recordings: in the batch already, from an earlier run.
    pub(crate) known: u64,
    /// Of these: transcribed already with the same settings, by another batch.
    pub(crate) published: u64,
    /// Of these: transcribed with other settings, and kept.
    pub(crate) kept: u64,
    /// Audio of the newly enqueued ones, in milliseconds.
    pub(crate) new_audio_ms: u64,
    /// Newly enqueued ones whose length is an estimate.
    pub(crate) estimated: u64,
    /// Of the recordings: worked on in parts.
    pub(crate) split: u64,
    /// Leases that the batch has in Redis: one for each recording, or for each part. With fewer, Redis has lost some.
    pub(crate) in_batch: u64,
}

impl Intake<'_> {
    /// Takes the backlog in. Doing it again adds only what is new.
    pub(crate) async fn take(&self, say: &(dyn Fn(&str) + Sync)) -> Result<Backlog, Failure> {
        let published = self.published_keys().await?;
        let known = self.known(&published, say).await?;
        let (listed, left_out) = match &self.manifest {
            Some((path, called)) => (self.read_manifest(path, called, say).await?, 0),
            None => self.list(&known.lengths, say).await?,
        };
        // What cannot be listed now may be there all the same.
        let known = if left_out == 0 { self.without_outdated(known, &listed, say).await? } else { known };
        self.adopt(&published, say).await?;
        let recordings = listed.len() as u64;
        let (there, new): (Vec<Recording>, Vec<Recording>) =
            listed.into_iter().partition(|recording| known.lengths.contains_key(&recording.id()));
        let mut backlog = Backlog { recordings, left_out, known: there.len() as u64, ..Backlog::default() };
        let new = self.without_published(new, &published, &mut backlog, say).await?;
        backlog.estimated = new.iter().filter(|new| new.seconds_from == DurationSource::Size).count() as u64;
        backlog.new_audio_ms = new.iter().map(|new| (new.seconds.max(0.0) * 1000.0) as u64).sum();
        let mut items = split(new, self.beside(&known), self.splitting());
        backlog.split = known.parts.len() as u64
            + items.iter().filter(|item| item.part.is_some_and(|part| part.index == 0)).count() as u64;
        items.extend(known.missing_parts(there));
        backlog.in_batch = known.items.len() as u64 + items.len() as u64;
        self.enqueue(items).await?;
        Ok(backlog)
    }

    /// Clips are what a user cut himself.
    fn splitting(&self) -> Splitting {
        if self.meta.options.clip_timestamps.is_empty() { self.meta.splitting } else { Splitting::Never }
    }

    fn beside(&self, known: &Known) -> Beside {
        // The simulated engine decodes nothing, and so minds no length.
        let longest =
            if self.meta.model == simulated::model() { f64::INFINITY } else { self.longest_seconds as f64 };
        Beside { workers: self.workers, seconds: known.open_seconds, longest }
    }

    async fn adopt(&self, published: &HashSet<String>, say: &(dyn Fn(&str) + Sync)) -> Result<(), Failure> {
        let adopted = adopt_published(self.output, self.leases, self.meta, Some(published)).await?;
        if adopted.done > 0 {
            say(&format!("{} given up, but transcribed: taken for done", counted(adopted.done, "recording")));
        }
        if adopted.put_back > 0 {
            say(&format!(
                "{} given up, but transcribed: put back for the formats that are missing",
                counted(adopted.put_back, "recording")
            ));
        }
        Ok(())
    }

    async fn published_keys(&self) -> Result<HashSet<String>, Failure> {
        let mut keys = HashSet::new();
        let mut listed = std::pin::pin!(self.output.list());
        while let Some(entry) = listed.next().await {
            match entry {
                Ok(entry) => {
                    keys.insert(entry.key);
                }
                // Something of the user's own that no transcript's name can be.
                Err(error) if error.concerns_one_entry() => tracing::warn!(%error, "output.entry_left_out"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(keys)
    }

    /// What the batch has already. The output is the truth: when finished transcripts are missing from it, what Redis knows is
    /// dropped, and the batch is built anew from what is there.
    async fn known(
        &self,
        published: &HashSet<String>,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Known, Failure> {
        let mut known = Known::default();
        let mut missing = Vec::new();
        let transcripts = Transcripts::new(self.output, self.meta)?;
        for shard in (0..self.meta.shards).map(ShardId) {
            listing::for_each(self.leases, shard, None, |row| {
                let key = transcript_key(&row.recording.name, Format::Json.extension());
                if row.state == ItemState::Done && !published.contains(&key) {
                    match part_key(&row.recording, &transcripts.fingerprint(&row.recording)) {
                        Some(part) if published.contains(&part) => {}
                        // Or the whole is there by now: its parts go when it is.
                        part => missing.push((key, part)),
                    }
                }
                known.add(row);
            })
            .await?;
        }
        let missing = self.really_missing(missing).await?;
        if missing == 0 {
            return Ok(known);
        }
        say(&format!(
            "{} missing from {}; the batch is built anew from what is there",
            match missing {
                1 => "1 finished transcript is".to_owned(),
                several => format!("{} finished transcripts are", grouped(several)),
            },
            self.meta.output
        ));
        self.leases.delete_batch().await?;
        self.leases.create_batch(self.meta, &LeaseLimits::default()).await?;
        Ok(Known::default())
    }

    /// How many of these transcripts are not there, nor are the parts' own: workers that live finish some while the output is listed.
    async fn really_missing(&self, keys: Vec<(String, Option<String>)>) -> Result<u64, Failure> {
        let looks = futures::stream::iter(keys)
            .map(|(key, part)| async move {
                if let Some(part) = part
                    && self.output.head(&part).await?.is_some()
                {
                    return Ok(0);
                }
                Ok::<_, Failure>(u64::from(self.output.head(&key).await?.is_none()))
            })
            .buffer_unordered(LOOKS_AT_ONCE);
        looks.try_fold(0, |sum, missing| async move { Ok(sum + missing) }).await
    }

    /// Takes off the batch what the input does not hold any more, or not in this version: a bad recording that was
    /// removed or replaced is no failure any more, and a finished one is counted once.
    async fn without_outdated(
        &self,
        mut known: Known,
        listed: &[Recording],
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Known, Failure> {
        let outdated = known.take_outdated(listed);
        let mut forgotten = 0;
        for shard in (0..self.meta.shards).map(ShardId) {
            // Which shard an item is in is not kept in memory for this rare case: the others do not know it.
            forgotten += self.leases.forget(shard, &outdated).await?;
        }
        if forgotten > 0 {
            say(&format!(
                "{} of an earlier run taken off: {}, or replaced",
                counted(forgotten, "recording"),
                if self.manifest.is_some() { "not in this manifest" } else { "removed from the input" }
            ));
        }
        Ok(known)
    }

    async fn list(
        &self,
        known: &KnownLengths,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<(Vec<Recording>, u64), Failure> {
        let (mut recordings, mut listed) = (Vec::new(), Listed::default());
        let mut found = std::pin::pin!(list_recordings(self.input, known));
        while let Some(found) = found.try_next().await? {
            listed.add(&found);
            match found {
                // An unreadable one fails with its own message when its turn comes.
                Found::Recording(_) | Found::Unreadable(..) if recordings.len() as u64 == RECORDINGS_MAX => {
                    return Err(self.too_many());
                }
                Found::Recording(recording) | Found::Unreadable(recording, _) => recordings.push(recording),
                Found::Other => {}
                Found::Lost(error) => say(&format!("Left out: {error}")),
            }
        }
        if let Some(refusal) = listed.refusal(&self.meta.input) {
            return Err(refusal);
        }
        if let Some(text) = listed.nothing_found(&self.meta.input) {
            say(&text);
        }
        Ok((recordings, listed.left_out))
    }

    fn too_many(&self) -> Failure {
        Failure::usage(format!(
            "{} holds more than {} recordings, and no batch holds more; give parts of it as inputs (a folder, a longer prefix, or a \
             manifest), each with an output of its own",
            self.meta.input,
            grouped(RECORDINGS_MAX)
        ))
    }

    async fn read_manifest(
        &self,
        path: &Path,
        called: &str,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<Recording>, Failure> {
        let file = std::fs::File::open(path)
            .map_err(|error| Failure::usage(format!("failed to open {called}: {error}")))?;
        let source = std::io::BufReader::new(file);
        let manifest = read_manifest(self.input, source, called).await?;
        for notice in &manifest.notices {
            say(&notice_text(notice));
        }
        if manifest.more_notices > 0 {
            say(&format!("… and {} more of such notices", grouped(manifest.more_notices)));
        }
        Ok(manifest.recordings)
    }

    async fn enqueue(&self, recordings: Vec<Recording>) -> Result<(), Failure> {
        let shards = NonZeroU32::new(self.meta.shards).unwrap_or(NonZeroU32::MIN);
        for (shard, planned) in (0..).map(ShardId).zip(plan(recordings, shards)) {
            let items: Vec<NewItem> = planned
                .recordings
                .into_iter()
                .map(|recording| NewItem { id: recording.id(), recording })
                .collect();
            self.leases.enqueue(shard, &items).await?;
        }
        Ok(())
    }

    /// Leaves out the recordings whose transcripts are in the output already.
    async fn without_published(
        &self,
        recordings: Vec<Recording>,
        keys: &HashSet<String>,
        backlog: &mut Backlog,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<Recording>, Failure> {
        let transcripts = Transcripts::new(self.output, self.meta)?;
        let transcripts = &transcripts;
        let looks = futures::stream::iter(recordings)
            .map(|recording| async {
                let there = transcripts.look(&recording, keys).await?;
                Ok::<_, Failure>((recording, there))
            })
            .buffered(LOOKS_AT_ONCE);
        futures::pin_mut!(looks);
        let mut wanted = Vec::new();
        let mut other = Vec::new();
        while let Some((recording, there)) = looks.try_next().await? {
            match (there, self.existing) {
                (There::Nothing | There::Partial, _) | (There::OtherSettings, Existing::Replace) => {
                    wanted.push(recording);
                }
                (There::Whole { .. }, _) => backlog.published += 1,
                (There::OtherSettings, Existing::Keep) => backlog.kept += 1,
                (There::OtherSettings, Existing::Refuse) => other.push(recording),
            }
        }
        if !other.is_empty() {
            return Err(self.refuse(&other));
        }
        if backlog.published > 0 {
            let subtitles = if self.meta.subtitles == SubtitleLayout::default() {
                ""
            } else {
                "; their subtitles stay as they are (remove these files to have them laid out anew)"
            };
            say(&format!(
                "{} transcribed before with the same settings{subtitles}",
                counted(backlog.published, "recording")
            ));
        }
        Ok(wanted)
    }

    fn refuse(&self, other: &[Recording]) -> Failure {
        let shown: Vec<String> = other
            .iter()
            .take(NAMES_SHOWN)
            .map(|recording| format!("  {}", name(&recording.name, 80)))
            .collect();
        let more = if other.len() > NAMES_SHOWN { "\n  …" } else { "" };
        Failure::usage(format!(
            "{} holds {} made with another model or other options, of a recording that has changed since, or not by Steno:\n{}{more}\n\
             choose another --out, or say --existing keep (leave them) or --existing replace (make them anew)",
            self.meta.output,
            counted(other.len() as u64, "transcript"),
            shown.join("\n")
        ))
    }
}

/// Checks that transcripts can be written to an output, and that of two writers only one creates each.
pub(crate) async fn check_output(output: &Store) -> Result<(), Failure> {
    if let Location::S3 { prefix, .. } = output.location()
        && prefix.len() > OUTPUT_PREFIX_BYTES_MAX
    {
        return Err(Failure::usage(format!(
            "the prefix of {} has {} bytes, and at most {OUTPUT_PREFIX_BYTES_MAX} leave room for names of transcripts in S3's 1,024; \
             choose a shorter one",
            output.location(),
            prefix.len()
        )));
    }
    match output.check_writable().await? {
        PutCondition::Honoured => Ok(()),
        PutCondition::Ignored => Err(Failure::unusable(format!(
            "{} overwrites objects although it is asked not to (`If-None-Match: *` is ignored), so two workers could \
             publish different transcripts of one recording; write to a folder, or to a store that honours it",
            output.location()
        ))),
    }
}

fn notice_text(notice: &Notice) -> String {
    match notice {
        Notice::Duplicate { name: twice, line } => {
            format!("{} stands in the manifest again on line {line}; taken once", name(twice, 80))
        }
        Notice::Unreadable { name: of, cause } => {
            format!("The headers of {} cannot be read: {cause}", name(of, 80))
        }
    }
}
