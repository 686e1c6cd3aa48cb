//! Telling somebody's program that a batch is over.

use std::time::Duration;

use serde_json::json;

use crate::cluster::{Phase, Record};
use crate::progress::Totals;

/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Tries, with a growing pause between them.
const TRIES: u32 = 5;

/// Sends the outcome of a batch as JSON to a URL, until somebody there takes it.
///
/// # Errors
/// What the last try came to.
pub(super) async fn tell(
    url: &str,
    record: &Record,
    phase: Phase,
    totals: Option<Totals>,
) -> Result<(), String> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|error| error.to_string())?;
    let body = json!({
        "batch": record.batch.as_str(),
        "phase": phase,
        "input": record.request.input,
        "output": record.request.output,
        "done": totals.map_or(0, |totals| totals.done),
        "failed": totals.map_or(0, |totals| totals.dead),
        "left": totals.map_or(0, |totals| totals.open()),
    })
    .to_string();
    let mut last = String::new();
    for tried in 0..TRIES {
        tokio::time::sleep(Duration::from_secs(u64::from(tried * tried))).await;
        let request = client.post(url).header("content-type", "application/json").body(body.clone());
        match request.send().await.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.without_url().to_string(),
        }
    }
    Err(last)
}
