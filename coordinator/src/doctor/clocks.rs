//! Whether clocks agree. Leases are kept by Redis's clock alone, but object stores refuse requests that are signed at a time
//! too far from their own, and API servers refuse certificates and tokens that are not valid yet, or no more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::fmt::rfc2822;

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

    /// A clock that shows now what a `Date` header says.
    ///
    /// # Errors
    /// If that is no date.
    pub(super) fn of_header(date: Option<&[u8]>) -> Result<Self, Failure> {
        let unreadable = || Failure::unusable("its answer has no readable Date");
        let text = std::str::from_utf8(date.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
        // HTTP's dates are those of mail, in GMT (RFC 9110, section 5.6.7).
        let zoned = rfc2822::parse(text).map_err(|_| unreadable())?;
        let since = Duration::try_from(zoned.timestamp().as_duration()).map_err(|_| unreadable())?;
        Ok(Self::now(since))
    }
}

/// Reads the clock of an HTTP server.
///
/// # Errors
/// If it does not answer, or without a date.
pub(super) async fn of_server(url: &str) -> Result<Reading, Failure> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(Failure::internal)?;
    let answer = client.head(url).send().await;
    let answer = answer.map_err(|error| Failure::lost(root_cause(&error.without_url()).to_string()))?;
    Reading::of_header(answer.headers().get("date").map(|value| value.as_bytes()))
}

/// Judges by how much two clocks differ. `whose` is the other's owner, `own` this one's.
pub(super) fn judge(what: &str, whose: &str, own: &str, read: Result<Reading, Failure>) -> Check {
    let reading = match read {
        Ok(reading) => reading,
        Err(failure) => return Check::note(what, format!("{whose} did not tell the time: {failure}")),
    };
    let ahead = reading.theirs.as_secs_f64() - reading.ours.as_secs_f64();
    let differs =
        format!("{whose} is {:.0} s {} {own}", ahead.abs(), if ahead > 0.0 { "ahead of" } else { "behind" });
    if ahead.abs() >= BAD_SECONDS {
        return Check::bad(
            what,
            format!(
                "{differs}: signatures, certificates and tokens are refused for that; set the wrong one right, by NTP (chrony or \
                 systemd-timesyncd)"
            ),
        );
    }
    if ahead.abs() >= NOTED_SECONDS {
        return Check::note(what, differs);
    }
    Check::good(what, format!("{whose} and {own} agree"))
}

#[cfg(test)]
mod tests {
    use super::super::check::Outcome;
    use super::*;

    fn judged(theirs: u64) -> Outcome {
        let reading = Reading { theirs: Duration::from_secs(theirs), ours: Duration::from_secs(10_000) };
        judge("clocks", "Redis", "this pod", Ok(reading)).outcome
    }

    #[test]
    fn clocks_may_differ_a_little() {
        assert_eq!(judged(10_002), Outcome::Good("Redis and this pod agree".into()));
        assert_eq!(judged(9_998), Outcome::Good("Redis and this pod agree".into()));
        assert_eq!(judged(10_060), Outcome::Note("Redis is 60 s ahead of this pod".into()));
        let Outcome::Bad(text) = judged(6_400) else { panic!("an hour is too much") };
        assert!(text.starts_with("Redis is 3600 s behind this pod: ") && text.contains("NTP"), "{text}");
    }

    #[test]
    fn a_servers_date_is_read_as_http_writes_it() {
        let reading = Reading::of_header(Some(b"Thu, 01 Jan 1970 01:00:00 GMT")).unwrap();
        assert_eq!(reading.theirs, Duration::from_secs(3600));
        assert!(reading.ours > reading.theirs);
        for unreadable in
            [None, Some(&b"yesterday"[..]), Some(b"\xff"), Some(b"Mon, 01 Jan 1900 00:00:00 GMT")]
        {
            let error = Reading::of_header(unreadable).unwrap_err().message;
            assert_eq!(error, "its answer has no readable Date");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_no_clock() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let Outcome::Note(text) = judge("clocks", "the store", "this pod", of_server(&url).await).outcome
        else {
            panic!("nothing is known")
        };
        assert!(text.starts_with("the store did not tell the time: "), "{text}");
    }
}
