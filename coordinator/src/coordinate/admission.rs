//! Letting the workers of a batch into a Redis in which each batch has a user of its own.

use std::convert::Infallible;

use super::LOOK_AGAIN;
use super::reconcile::{Coordinator, Reached};
use crate::cluster::{BatchUser, Record};
use crate::failure::Failure;

impl Coordinator {
    /// Lets them in; `None` where batches have no users of their own.
    ///
    /// # Errors
    /// If Redis does not answer or refuses it, or the batch has been deleted meanwhile.
    pub(super) async fn admit_workers(&self, record: &Record) -> Result<Option<BatchUser>, Failure> {
        if !self.settings.redis.user_per_batch {
            return Ok(None);
        }
        let Reached { leases, password } = self.reach(&record.batch).await?;
        let password = password.ok_or_else(|| {
            Failure::unusable("the coordinator has no password for Redis, from which those of workers follow")
        })?;
        let user = BatchUser::of(record, &password);
        leases.admit_workers(&user.password).await?;
        // Whoever deletes a batch takes its user away: not one that comes back a moment later.
        let there = self.records.get(&record.batch).await?;
        if there.is_none_or(|there| there.owner.uid != record.owner.uid) {
            leases.dismiss_workers().await?;
            return Err(Failure::lost(format!("batch {} has been deleted this very moment", record.batch)));
        }
        Ok(Some(user))
    }

    /// Does something that may take long, and lets the workers that are at work in all the while: a Redis that restarts has forgotten
    /// them.
    pub(super) async fn while_admitting<T>(
        &self,
        record: &Record,
        are_at_work: bool,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::select! {
            outcome = work => outcome,
            never = self.admit_again(record), if are_at_work => match never {},
        }
    }

    async fn admit_again(&self, record: &Record) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if let Err(failure) = self.admit_workers(record).await {
                tracing::warn!(batch = %record.batch, error = failure.message, "workers.not_admitted");
            }
        }
    }
}
