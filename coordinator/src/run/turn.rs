//! One run at a time on a batch whose leases are in a Redis that other machines reach too. Where Redis is the run's own, the
//! lock of the state folder sees to that.

use std::time::Duration;

use steno_shared::leases::Leases;
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::state::StateFolder;

/// How long a run that has died keeps others out.
const KEPT: Duration = Duration::from_secs(30);
const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// Each attempt to renew may take so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The batch is this run's until [`Turn::end`], or for a while after this process dies.
#[derive(Debug)]
pub(super) struct Turn {
    leases: Leases,
    run: String,
    renewing: JoinHandle<()>,
}

impl Turn {
    /// Takes the batch. An earlier run from the same state folder, whose lock is ours, has ended: its turn goes on.
    ///
    /// # Errors
    /// If another run has it, naming that, or Redis cannot be asked.
    pub(super) async fn take(leases: &Leases, folder: &StateFolder) -> Result<Self, Failure> {
        let run = folder.run_id()?;
        let called = called(folder);
        if let Some(other) = leases.take_run(&run, &called, KEPT).await? {
            return Err(Failure::in_use(format!(
                "another steno run works on this batch in that Redis ({other}); wait for it, or, if it has died, {} seconds",
                KEPT.as_secs()
            )));
        }
        let renewing = {
            let (leases, run) = (leases.clone().with_retry_budget(PATIENCE), run.clone());
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(RENEWED_EVERY).await;
                    match leases.take_run(&run, &called, KEPT).await {
                        Ok(None) => {}
                        // Redis was away for so long that somebody else could take it: the leases keep both apart.
                        Ok(Some(other)) => tracing::warn!(other, "run.another_one"),
                        Err(error) => tracing::debug!(%error, "run.turn_not_renewed"),
                    }
                }
            })
        };
        Ok(Self { leases: leases.clone(), run, renewing })
    }

    /// Gives the batch up.
    pub(super) async fn end(self) {
        self.renewing.abort();
        if let Err(error) = self.leases.with_retry_budget(PATIENCE).give_up_run(&self.run).await {
            // It passes by itself.
            tracing::debug!(%error, "run.turn_not_given_up");
        }
    }
}

fn called(folder: &StateFolder) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("process {} on {}, state folder {}", std::process::id(), host.trim(), folder.path().display())
}
