//! Waiting for a condition instead of sleeping a guess.

use std::time::{Duration, Instant};

/// Asks until the answer is `Some`; fails, naming what it waited for, after 30 seconds.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "waited 30 s in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
