//! What tells a worker to end: signals, and the end of its standard input when its parent asked for that.

use std::sync::Arc;
use std::time::Duration;

use steno_shared::exit::Exit;
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::control::{Control, Order};

/// How long a worker whose parent is gone may take to stop.
const ORPHAN_GRACE: Duration = Duration::from_secs(3);

/// Listens for the rest of the process's life. SIGTERM and SIGINT stop at once. With `watch_stdin` the end of
/// standard input does too: a local parent holds its other end, so that a killed parent leaves no worker behind. Its
/// Redis dies with it, so the worker does not wait for an answer either, as it would in an outage: soon it just ends.
///
/// # Errors
/// If a signal handler cannot be installed.
pub fn listen(control: &Arc<Control>, watch_stdin: bool) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let told = Arc::clone(control);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "worker.told_to_stop"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "worker.told_to_stop"),
        }
        told.give(Order::Stop);
    });
    if watch_stdin {
        let told = Arc::clone(control);
        tokio::spawn(async move {
            parent_gone().await;
            tracing::info!("worker.parent_gone");
            told.give(Order::Stop);
            tokio::time::sleep(ORPHAN_GRACE).await;
            std::process::exit(Exit::Interrupted as i32);
        });
    }
    Ok(())
}

async fn parent_gone() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    // Nothing is ever sent: only the end, or an error, tells something.
    while matches!(stdin.read(&mut buffer).await, Ok(read) if read > 0) {}
}
