//! Whose a batch is: of the runs that supervise workers, one at a time.

use std::time::Duration;

use super::error::LeaseError;
use super::keys::run_key;
use super::queue::{Args, Leases, field};
use super::scripts::TAKE_RUN;

/// Longest name of a run, in characters.
const NAME_LONGEST: usize = 300;

impl Leases {
    /// Makes the batch this run's for so long, if it is nobody's or its own already. Gives what the other run is called if not.
    ///
    /// # Errors
    /// As any call.
    pub async fn take_run(
        &self,
        run: &str,
        called: &str,
        ttl: Duration,
    ) -> Result<Option<String>, LeaseError> {
        let doing = format!("take batch {}", self.batch);
        let args = Args::default().and(field(run, 64)).and(field(called, NAME_LONGEST)).and(ttl.as_millis());
        let answer = self.script(&doing, &TAKE_RUN, &[run_key(&self.batch)], args).await?;
        let other: String =
            redis::from_redis_value(answer).map_err(|error| LeaseError::corrupt(&doing, error))?;
        Ok(Some(other).filter(|other| !other.is_empty()))
    }

    /// Gives the batch up, if it is this run's.
    ///
    /// # Errors
    /// As any call.
    pub async fn give_up_run(&self, run: &str) -> Result<(), LeaseError> {
        self.take_run(run, "", Duration::ZERO).await.map(drop)
    }
}
