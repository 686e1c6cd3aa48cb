//! Creating, filling and deleting a batch.

use redis::Value;

use super::error::LeaseError;
use super::keys::{batch_meta_key, idle_key, run_key, shard_keys, worker_keys};
use super::limits::LeaseLimits;
use super::payload;
use super::queue::{Args, Leases};
use super::request::Request;
use super::scripts::{CREATE_BATCH, ENQUEUE, INIT_SHARD, SCHEMA_VERSION};
use crate::batch::BatchMeta;
use crate::ids::{ItemId, ShardId};
use crate::recording::Recording;

/// Items sent at once: a bounded script, so that heartbeats never wait long behind it.
const ENQUEUE_CHUNK: usize = 500;

/// Whether a batch was there.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It is new.
    New,
    /// It was there with these very settings.
    Same,
    /// It was there with these other settings, which stay.
    Different(Box<BatchMeta>),
}

/// An item to enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// Its id.
    pub id: ItemId,
    /// The recording.
    pub recording: Recording,
}

/// What enqueueing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enqueued {
    /// Items that are new.
    pub added: u64,
    /// Items that were known, in whatever state, and are as they were.
    pub known: u64,
}

impl Leases {
    /// Creates the batch and its shards; an existing batch stays as it is, its limits too.
    ///
    /// # Errors
    /// As any call.
    pub async fn create_batch(&self, meta: &BatchMeta, limits: &LeaseLimits) -> Result<Created, LeaseError> {
        let doing = format!("create batch {}", self.batch);
        let json = serde_json::to_string(meta).map_err(|error| LeaseError::corrupt(&doing, error))?;
        let answer = self
            .script(&doing, &CREATE_BATCH, &[batch_meta_key(&self.batch)], Args::versioned().and(json))
            .await?;
        let there: Option<String> =
            redis::from_redis_value(answer).map_err(|error| LeaseError::corrupt(&doing, error))?;
        let created = match there {
            None => Created::New,
            Some(json) => match parse_meta(&doing, &json)? {
                there if there == *meta => Created::Same,
                there => return Ok(Created::Different(Box::new(there))),
            },
        };
        // Also for a batch that was there: its creator may have died between its meta and its last shard.
        let mut args = Args::versioned();
        for (name, value) in limits.fields() {
            args.push(name);
            args.push(value);
        }
        let shards =
            (0..meta.shards).map(|shard| vec![shard_keys(&self.batch, ShardId(shard)).swap_remove(0)]);
        let shards: Vec<_> = shards.collect();
        self.request(&doing, Request::ScriptForEach { script: &INIT_SHARD, keys: &shards, args: &args.0 })
            .await?;
        Ok(created)
    }

    /// The batch's settings; `None` when Redis does not know the batch.
    ///
    /// # Errors
    /// As any call.
    pub async fn meta(&self) -> Result<Option<BatchMeta>, LeaseError> {
        let doing = format!("read the settings of batch {}", self.batch);
        let mut command = redis::cmd("HMGET");
        command.arg(batch_meta_key(&self.batch)).arg("schema").arg("meta");
        let answer = self.request(&doing, Request::Command(command)).await?;
        let (schema, json): (Option<String>, Option<String>) =
            redis::from_redis_value(answer).map_err(|error| LeaseError::corrupt(&doing, error))?;
        match (schema, json) {
            (None, _) => Ok(None),
            (Some(found), _) if found != SCHEMA_VERSION.to_string() => {
                Err(LeaseError::Mismatch { doing, found, ours: SCHEMA_VERSION })
            }
            (Some(_), None) => Err(LeaseError::corrupt(&doing, "the batch has no settings")),
            (Some(_), Some(json)) => parse_meta(&doing, &json).map(Some),
        }
    }

    /// Adds items to a shard; known ones are skipped, so a manifest can be replayed.
    ///
    /// # Errors
    /// As any call; what was added before the error stays.
    pub async fn enqueue(&self, shard: ShardId, items: &[NewItem]) -> Result<Enqueued, LeaseError> {
        let doing = format!("enqueue {} items into shard {shard} of batch {}", items.len(), self.batch);
        let mut done = Enqueued::default();
        for chunk in items.chunks(ENQUEUE_CHUNK) {
            let mut args = Args::versioned();
            for NewItem { id, recording } in chunk {
                args.push(id);
                args.push(payload::seconds_to_millis(recording.seconds));
                args.push(payload::pack(recording).map_err(|error| LeaseError::corrupt(&doing, error))?);
            }
            let added = count(&doing, self.on_shard(&doing, &ENQUEUE, shard, args).await?)?;
            done.added += added;
            done.known += (chunk.len() as u64).saturating_sub(added);
        }
        Ok(done)
    }

    /// Removes the batch from Redis, finished transcripts excepted: those are in the output. Unknown batches are fine.
    ///
    /// # Errors
    /// As any call; repeat it then.
    pub async fn delete_batch(&self) -> Result<(), LeaseError> {
        let doing = format!("delete batch {}", self.batch);
        let shards = self.meta().await?.map_or(0, |meta| meta.shards);
        let mut commands = Vec::new();
        let mut unlink = |key: String| {
            let mut command = redis::cmd("UNLINK");
            command.arg(key);
            commands.push(command);
        };
        for shard in 0..shards {
            // One key a command: keys of different shards lie in different slots.
            for key in shard_keys(&self.batch, ShardId(shard)) {
                unlink(key);
            }
        }
        for key in worker_keys(&self.batch).into_iter().chain([idle_key(&self.batch), run_key(&self.batch)]) {
            unlink(key);
        }
        self.request(&doing, Request::Commands(commands)).await?;
        // The meta last: it tells the number of shards to whoever repeats this.
        let mut meta = redis::cmd("UNLINK");
        meta.arg(batch_meta_key(&self.batch));
        self.request(&doing, Request::Command(meta)).await?;
        Ok(())
    }
}

fn parse_meta(doing: &str, json: &str) -> Result<BatchMeta, LeaseError> {
    serde_json::from_str(json)
        .map_err(|error| LeaseError::corrupt(doing, format!("the batch's settings are unreadable: {error}")))
}

/// A script's answer that is one number.
pub(super) fn count(doing: &str, value: Value) -> Result<u64, LeaseError> {
    redis::from_redis_value(value).map_err(|error| LeaseError::corrupt(doing, error))
}
