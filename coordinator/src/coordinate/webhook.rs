//! Telling somebody's program that a batch is over.

use std::time::Duration;

use serde_json::json;

use crate::cluster::{Phase, Record};
use crate::failure::root_cause;
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
            Err(error) => last = root_cause(&error.without_url()).to_string(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;
    use crate::cluster::sample;

    /// Answers with these codes, one a request, and gives the bodies that came.
    fn serve(codes: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<serde_json::Value>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/over", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let answer = |code: &u16| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty())
                {
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                        length = value.parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                write!(stream, "HTTP/1.1 {code} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .unwrap();
                serde_json::from_slice(&body).unwrap()
            };
            codes.iter().map(answer).collect()
        });
        (url, served)
    }

    #[tokio::test]
    async fn the_outcome_is_told_until_somebody_takes_it() {
        let (url, served) = serve(&[503, 200]);
        let totals = Totals { done: 7, dead: 1, ..Totals::default() };
        tell(&url, &sample::record(), Phase::Finished, Some(totals)).await.unwrap();
        let told = served.join().unwrap();
        assert_eq!(told.len(), 2, "once refused, once taken");
        let wanted = json!({
            "batch": "0123456789ab", "phase": "finished", "input": "s3://calls/in", "output": "s3://calls/out",
            "done": 7, "failed": 1, "left": 0,
        });
        assert_eq!(told[1], wanted);
    }
}
