//! What a Redis URL names: one server, the servers behind Sentinels, or a Redis Cluster.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

/// The forms that a URL may have, for messages.
pub(super) const FORMS: &str = "redis://[user@]host:6379[/db], rediss:// for TLS, redis+unix:///path/to/socket, \
     redis+sentinel://host:26379,host:26379/service[/db] or redis+cluster://host:6379,host:6379";

/// Where Sentinels listen unless told otherwise.
const SENTINEL_PORT: &str = ":26379";

/// The schemes of a single server.
const KNOWN_ALONE: [&str; 4] = ["redis", "rediss", "unix", "redis+unix"];

/// What a URL names.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// One server.
    Single(Box<ConnectionInfo>),
    /// The primary of a service that Sentinels watch.
    Sentinel { sentinels: Vec<ConnectionAddr>, service: String, db: i64, login: Login },
    /// A Redis Cluster, by some of its nodes.
    Cluster { nodes: Vec<ConnectionAddr>, login: Login },
}

/// As whom to come, as far as the URL tells, and how.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) tls: bool,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// Checks a URL of Redis, as far as it can be without connecting.
///
/// # Errors
/// What is wrong with it.
pub fn check_redis_url(url: &str) -> Result<(), String> {
    Address::parse(url).map(drop)
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("it is none of {FORMS}"))?;
        let (tls, kind) = match scheme.split_once('+') {
            Some(("redis", kind @ ("sentinel" | "cluster"))) => (false, kind),
            Some(("rediss", kind @ ("sentinel" | "cluster"))) => (true, kind),
            Some(("redis", "unix")) | None if KNOWN_ALONE.contains(&scheme) => {
                let info = url.into_connection_info().map_err(|error| error.to_string())?;
                return Ok(Self::Single(Box::new(info)));
            }
            Some(_) | None => return Err(format!("it is none of {FORMS}")),
        };
        let (user_info, rest) = match rest.rsplit_once('@') {
            Some((user_info, rest)) => (format!("{user_info}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let scheme = if tls { "rediss" } else { "redis" };
        let mut login = Login { tls, ..Login::default() };
        let mut nodes = Vec::new();
        for host in hosts.split(',') {
            if host.is_empty() {
                return Err("a host is missing in it".to_owned());
            }
            let has_port = host
                .rsplit_once(':')
                .is_some_and(|(before, _)| !before.contains(':') || before.ends_with(']'));
            let port = if kind == "sentinel" && !has_port { SENTINEL_PORT } else { "" };
            let info = format!("{scheme}://{user_info}{host}{port}").into_connection_info();
            let info = info.map_err(|error| error.to_string())?;
            login.user = info.redis_settings().username().map(str::to_owned);
            login.password = info.redis_settings().password().map(str::to_owned);
            nodes.push(info.addr().clone());
        }
        match (kind, path.split_once('/').unwrap_or((path, ""))) {
            ("cluster", ("", "")) => Ok(Self::Cluster { nodes, login }),
            ("cluster", _) => {
                Err("a Redis Cluster has no numbered databases: leave out what stands after the hosts"
                    .to_owned())
            }
            (_, ("", _)) => {
                Err("the name of the service that the Sentinels watch is missing: …/SERVICE".to_owned())
            }
            (_, (service, db)) => {
                let db = if db.is_empty() { Ok(0) } else { db.parse() };
                let db =
                    db.map_err(|_| "what stands after the service is no number of a database".to_owned())?;
                Ok(Self::Sentinel { sentinels: nodes, service: service.to_owned(), db, login })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_servers_sentinels_and_clusters() {
        for url in ["redis://h", "rediss://u@h:1/2", "redis+unix:///s", "unix:///s", "redis://[::1]:7"] {
            assert!(matches!(Address::parse(url), Ok(Address::Single(_))), "{url}");
        }
        let Address::Sentinel { sentinels, service, db, login } =
            Address::parse("rediss+sentinel://me:pa%40ss@a:1,b/calls/3").unwrap()
        else {
            panic!("no sentinels")
        };
        assert_eq!((sentinels.len(), service.as_str(), db), (2, "calls", 3));
        assert_eq!(
            (login.user.as_deref(), login.password.as_deref(), login.tls),
            (Some("me"), Some("pa@ss"), true)
        );
        assert!(matches!(&sentinels[0], ConnectionAddr::TcpTls { host, port: 1, .. } if host == "a"));
        assert!(matches!(&sentinels[1], ConnectionAddr::TcpTls { port: 26379, .. }), "{sentinels:?}");
        let Address::Cluster { nodes, login } = Address::parse("redis+cluster://a:1,b:2,[::1]:3").unwrap()
        else {
            panic!("no cluster")
        };
        assert_eq!((nodes.len(), login.user, login.tls), (3, None, false));
    }

    #[test]
    fn what_names_nothing_is_refused_without_its_password() {
        for url in [
            "",
            "cache:6379",
            "http://cache",
            "redis+sentinel://a:1",
            "redis+sentinel://a:1/x/y",
            "redis+cluster://a:1/2",
            "redis+cluster://u:secret@a,,b",
            "redis+cluster://u:secret@",
            "redis+tls://u:secret@a",
            "redis+cluster://u:secret@a:port",
        ] {
            let refused = Address::parse(url).unwrap_err();
            assert!(!refused.is_empty() && !refused.contains("secret"), "{url}: {refused}");
        }
    }
}
