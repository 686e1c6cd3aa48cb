//! What tells a worker to end: signals, and the end of its standard input when its parent asked for that.

use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::control::{Control, Order};

/// Listens for the rest of the process's life. SIGTERM and SIGINT stop at once. With `watch_stdin` the end of
/// standard input does too: a local parent holds its other end, so that a killed parent leaves no worker behind.
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
            () = parent_gone(watch_stdin) => tracing::info!("worker.parent_gone"),
        }
        told.give(Order::Stop);
    });
    Ok(())
}

async fn parent_gone(watch_stdin: bool) {
    if !watch_stdin {
        return std::future::pending().await;
    }
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    // Nothing is ever sent: only the end, or an error, tells something.
    while matches!(stdin.read(&mut buffer).await, Ok(read) if read > 0) {}
}
