//! Waiting for a condition of processes and files: never a guessed sleep, and a deadline only against a hang.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Far more than anything takes, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(180);
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Asks until there is an answer, and gives it.
///
/// # Errors
/// When asking fails, or there is no answer by the deadline.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().with_context(|| format!("while waiting until {what}"))? {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            bail!("it took more than {} s until {what}", DEADLINE.as_secs());
        }
        std::thread::sleep(POLL_EVERY);
    }
}

/// Asks until it is so.
///
/// # Errors
/// When asking fails, or it is not so by the deadline.
pub fn until_so(what: &str, mut ask: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    until(what, || Ok(ask()?.then_some(())))
}
