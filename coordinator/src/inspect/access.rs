//! Access to a local batch: through the Redis of the run that has it, one started for the purpose, or the user's own.

use std::path::Path;
use std::time::Duration;

use steno_shared::batch::BatchMeta;
use steno_shared::leases::Leases;

use crate::failure::Failure;
use crate::state::{BatchRedis, Lock, StateFolder};

/// How long a command waits for the Redis of a running batch.
const BUDGET: Duration = Duration::from_secs(10);

/// A local batch that can be looked into.
pub struct Access {
    /// Its settings.
    pub meta: BatchMeta,
    /// Its leases.
    pub leases: Leases,
    /// Its state folder.
    pub folder: StateFolder,
    held: Option<(BatchRedis, Lock)>,
}

impl Access {
    /// Opens the batch of a state folder.
    ///
    /// # Errors
    /// If there is no such batch, or its Redis does not answer.
    pub async fn open(state: Option<&Path>) -> Result<Self, Failure> {
        let access = Self::reach(state).await?;
        let meta = access.leases.meta().await?.ok_or_else(|| {
            Failure::unusable(format!(
                "the Redis of {} does not know the batch; run `steno run` again, or `steno reconcile`, which find finished \
                 transcripts in the output",
                access.folder.path().display()
            ))
        })?;
        Ok(Self { meta, ..access })
    }

    /// Opens a batch that Redis may have lost, as it was when its run began.
    ///
    /// # Errors
    /// If there is no such batch, or its Redis does not answer.
    pub async fn reach(state: Option<&Path>) -> Result<Self, Failure> {
        let folder = StateFolder::existing(state)?;
        let noted = folder.read_batch()?;
        // A lock that another process holds means that a run is on, with a Redis of its own.
        let held = match folder.lock() {
            Ok(lock) => {
                folder.prepare()?;
                Some((BatchRedis::open(&folder).await?, lock))
            }
            Err(failure) if failure.exit == steno_shared::exit::Exit::InUse => None,
            Err(failure) => return Err(failure),
        };
        let redis = match &held {
            Some((redis, _)) => redis.config(),
            None => folder.redis()?,
        };
        let leases = Leases::connect_within(&redis, &noted.batch, BUDGET).await?;
        Ok(Self { meta: noted, leases, folder, held })
    }

    /// Opens the batch that a run works on, through that run's Redis: nothing is started and nothing locked.
    ///
    /// # Errors
    /// If there is no such batch yet, or its Redis does not answer.
    pub async fn attach(state: &Path) -> Result<Self, Failure> {
        let folder = StateFolder::existing(Some(state))?;
        let meta = folder.read_batch()?;
        let leases = Leases::connect_within(&folder.redis()?, &meta.batch, BUDGET).await?;
        Ok(Self { meta, leases, folder, held: None })
    }

    /// Whether a run works on the batch now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.held.is_none()
    }

    /// Removes the batch: its leases and its state folder.
    ///
    /// # Errors
    /// If a run works on it, or it cannot be removed.
    pub async fn delete(self) -> Result<(), Failure> {
        let Some((redis, lock)) = self.held else {
            return Err(Failure::in_use(format!(
                "a run works on the batch of {}; stop it first, then delete it",
                self.folder.path().display()
            )));
        };
        let deleted = self.leases.delete_batch().await;
        redis.stop().await;
        deleted?;
        let removed = self.folder.remove();
        drop(lock);
        removed
    }

    /// Stops what was started for the purpose.
    pub async fn close(self) {
        if let Some((redis, lock)) = self.held {
            redis.stop().await;
            drop(lock);
        }
    }
}
