//! Whether clocks agree. Leases are kept by Redis's clock alone, whatever it shows; but object stores refuse requests that are
//! signed at a time too far from their own, and API servers refuse tokens that are not valid yet, or no more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::fmt::rfc2822;
use reqwest::redirect::Policy;

use super::check::Check;
use crate::failure::{Failure, root_cause};

/// A difference worth telling.
const NOTED_SECONDS: f64 = 30.0;
/// A third of the 15 minutes from which on object stores refuse requests (`RequestTimeTooSkewed`).
const BAD_SECONDS: f64 = 300.0;
/// How long a server may take to tell the time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A moment at which somebody else's clock was read: theirs and ours, since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    theirs: Duration,
    ours: Duration,
}

impl Reading {
    /// A clock that shows `theirs` now.
    pub(super) fn now(theirs: Duration) -> Self {
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { theirs, ours }
    }

    /// A clock that shows now what an answer's `Date` says.
    ///
    /// # Errors
    /// If there is none, or it is no date.
    pub(super) fn of_answer(headers: &http::HeaderMap) -> Result<Self, Failure> {
        let unreadable = || Failure::unusable("its answer has no readable Date");
        let text = headers.get("date").and_then(|date| date.to_str().ok()).ok_or_else(unreadable)?;
        // HTTP's dates are those of mail, in GMT (RFC 9110, section 5.6.7).
        let zoned = rfc2822::parse(text).map_err(|_| unreadable())?;
        let since = Duration::try_from(zoned.timestamp().as_duration()).map_err(|_| unreadable())?;
        Ok(Self::now(since))
    }
}

/// Reads the clock of an HTTP server, and of no other to which it may point.
///
/// # Errors
/// If it does not answer, or without a date.
pub(super) async fn of_server(url: &str) -> Result<Reading, Failure> {
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        .build()
        .map_err(Failure::internal)?;
    let answer = client.head(url).send().await;
    let answer = answer.map_err(|error| Failure::lost(root_cause(&error.without_url()).to_string()))?;
    Reading::of_answer(answer.headers())
}

/// Who the other clock belongs to, and what comes of a large difference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// What is looked at.
    pub(super) what: &'static str,
    /// Whose clock it is.
    pub(super) whose: &'static str,
    /// Whose clock is read here.
    pub(super) own: &'static str,
    /// What goes wrong when they differ; `None` if nothing does.
    pub(super) harm: Option<&'static str>,
}

/// Judges by how much two clocks differ.
pub(super) fn judge(clock: &Clock, read: Result<Reading, Failure>) -> Check {
    let Clock { what, whose, own, harm } = *clock;
    let reading = match read {
        Ok(reading) => reading,
        Err(failure) => return Check::note(what, format!("{whose} did not tell the time: {failure}")),
    };
    let ahead = reading.theirs.as_secs_f64() - reading.ours.as_secs_f64();
    let side = if ahead > 0.0 { "ahead of" } else { "behind" };
    let differs = format!("{whose} is {:.0} s {side} {own}", ahead.abs());
    match harm {
        Some(harm) if ahead.abs() >= BAD_SECONDS => Check::bad(
            what,
            format!("{differs}: {harm}; set the wrong one right, by NTP (chrony or systemd-timesyncd)"),
        ),
        Some(_) | None if ahead.abs() >= NOTED_SECONDS => Check::note(what, differs),
        Some(_) | None => Check::good(what, format!("{whose} and {own} agree")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    const STORE: Clock =
        Clock { what: "clocks", whose: "the store", own: "this pod", harm: Some("it refuses signatures") };

    fn judged(clock: &Clock, theirs: u64) -> Outcome {
        let reading = Reading { theirs: Duration::from_secs(theirs), ours: Duration::from_secs(10_000) };
        judge(clock, Ok(reading)).outcome
    }

    #[test]
    fn clocks_may_differ_a_little() {
        assert_eq!(judged(&STORE, 10_002), Outcome::Good("the store and this pod agree".into()));
        assert_eq!(judged(&STORE, 9_998), Outcome::Good("the store and this pod agree".into()));
        assert_eq!(judged(&STORE, 10_060), Outcome::Note("the store is 60 s ahead of this pod".into()));
        let Outcome::Bad(text) = judged(&STORE, 6_400) else { panic!("an hour is too much") };
        assert!(text.starts_with("the store is 3600 s behind this pod: it refuses signatures; "), "{text}");
        let harmless = Clock { harm: None, ..STORE };
        assert!(matches!(judged(&harmless, 6_400), Outcome::Note(_)));
    }

    #[test]
    fn a_servers_date_is_read_as_http_writes_it() {
        let read = |date: Option<&[u8]>| {
            let value = date.map(|date| http::HeaderValue::from_bytes(date).unwrap());
            Reading::of_answer(&value.map(|value| (http::header::DATE, value)).into_iter().collect())
        };
        let reading = read(Some(b"Thu, 01 Jan 1970 01:00:00 GMT")).unwrap();
        assert_eq!(reading.theirs, Duration::from_secs(3600));
        assert!(reading.ours > reading.theirs);
        for unreadable in
            [None, Some(&b"yesterday"[..]), Some(b"\xff"), Some(b"Mon, 01 Jan 1900 00:00:00 GMT")]
        {
            assert_eq!(read(unreadable).unwrap_err().message, "its answer has no readable Date");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_no_clock() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let Outcome::Note(text) = judge(&STORE, of_server(&url).await).outcome else {
            panic!("nothing is known")
        };
        assert!(text.starts_with("the store did not tell the time: "), "{text}");
    }
}
