//! Opening a connection to what a URL names, and sending over it.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ErrorKind, RedisError, RedisResult, Script,
    ServerErrorKind, TlsCertificates, TlsMode, Value,
};
use tokio::sync::Mutex;

use super::address::{Address, Login};
use super::config::{RedisConfig, RedisTls};
use super::error::certificate_trouble;
use super::request::Request;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a cluster all nodes are connected to, one that is dead among them: a heartbeat has no more time than a third of its lease.
const NODE_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests to different slots of a cluster that are under way at once.
const SLOTS_AT_ONCE: usize = 16;

/// Opens connections to one address.
pub(super) enum Dialer {
    Single(Box<Client>),
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster {
        client: Box<ClusterClient>,
        /// Its nodes, each by itself: what is wrong with one is not told by the whole.
        nodes: Vec<Client>,
    },
}

/// An open connection. Clones share it.
#[derive(Clone)]
pub(super) enum Link {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Dialer {
    /// Reads address and certificates; connects to nothing.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn new(config: &RedisConfig) -> Result<Self, String> {
        let text = |error: RedisError| error.to_string();
        // Read for those only that speak TLS.
        let certificates = || {
            install_tls_provider();
            certificates(&config.tls)
        };
        let tcp = tcp_settings();
        match Address::parse(&config.url)? {
            Address::Single(info) => {
                let mut info = *info;
                let own = config.password.as_deref().filter(|_| info.redis_settings().password().is_none());
                if let Some(password) = own {
                    let settings = info.redis_settings().clone().set_password(password);
                    info = info.set_redis_settings(settings);
                }
                let info = info.set_tcp_settings(tcp);
                let has_tls = matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. });
                let client =
                    if has_tls { Client::build_with_tls(info, certificates()?) } else { Client::open(info) };
                client.map(|client| Self::Single(Box::new(client))).map_err(text)
            }
            Address::Sentinel { sentinels, service, db, login } => {
                let mut builder = SentinelClientBuilder::new(sentinels, service, SentinelServerType::Master)
                    .map_err(text)?
                    .set_client_to_redis_db(db)
                    .set_client_to_redis_tcp_settings(tcp.clone())
                    .set_client_to_sentinel_tcp_settings(tcp);
                if let Some(user) = &login.user {
                    builder = builder.set_client_to_redis_username(user);
                }
                if let Some(password) = login.password.as_ref().or(config.password.as_ref()) {
                    builder = builder.set_client_to_redis_password(password);
                }
                if let Some(password) = &config.sentinel_password {
                    builder = builder.set_client_to_sentinel_password(password);
                }
                if login.tls {
                    let certificates = certificates()?;
                    builder = builder
                        .set_client_to_redis_tls_mode(TlsMode::Secure)
                        .set_client_to_redis_certificates(certificates.clone())
                        .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                        .set_client_to_sentinel_certificates(certificates);
                }
                builder.build().map(|client| Self::Sentinel(Box::new(Mutex::new(client)))).map_err(text)
            }
            Address::Cluster { nodes, login: Login { user, password, tls } } => {
                let password = password.as_ref().or(config.password.as_ref());
                let infos: Vec<redis::ConnectionInfo> = nodes
                    .into_iter()
                    .map(redis::IntoConnectionInfo::into_connection_info)
                    .collect::<RedisResult<_>>()
                    .map_err(text)?;
                // What is tried again is tried again by whoever asked, with more patience.
                let mut builder = ClusterClient::builder(infos.clone())
                    .connection_timeout(NODE_CONNECT_TIMEOUT)
                    .response_timeout(RESPONSE_TIMEOUT)
                    .retries(2)
                    .tcp_settings(tcp);
                if let Some(user) = &user {
                    builder = builder.username(user);
                }
                if let Some(password) = password {
                    builder = builder.password(password);
                }
                if tls {
                    builder = builder.tls(TlsMode::Secure).certs(certificates()?);
                }
                let client = builder.build().map_err(text)?;
                let alone = |info: redis::ConnectionInfo| {
                    let mut settings = info.redis_settings().clone();
                    if let Some(user) = &user {
                        settings = settings.set_username(user);
                    }
                    if let Some(password) = password {
                        settings = settings.set_password(password);
                    }
                    let info = info.set_redis_settings(settings);
                    let client =
                        if tls { Client::build_with_tls(info, certificates()?) } else { Client::open(info) };
                    client.map_err(text)
                };
                let nodes = infos.into_iter().map(alone).collect::<Result<_, _>>()?;
                Ok(Self::Cluster { client: Box::new(client), nodes })
            }
        }
    }

    /// Connects. Behind Sentinels, to whatever server is the primary now.
    pub(super) async fn dial(&self) -> RedisResult<Link> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        match self {
            Self::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Link::Single)
            }
            Self::Sentinel(client) => {
                client.lock().await.get_async_connection_with_config(&config).await.map(Link::Single)
            }
            Self::Cluster { client, nodes } => match client.get_async_connection().await {
                Ok(link) => Ok(Link::Cluster(link)),
                Err(error) => Err(why_not(nodes).await.unwrap_or(error)),
            },
        }
    }

    /// Whether it is a cluster, so that keys lie on different servers.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster { .. })
    }
}

impl Link {
    /// Sends, and once more after loading the script if Redis does not know it (first use, or a restart).
    pub(super) async fn send(&mut self, request: &Request<'_>) -> RedisResult<Value> {
        match request {
            Request::Command(command) => self.command(command).await,
            Request::EachServer(command) => self.each_server(command).await,
            Request::Commands(commands) => self.commands(commands).await,
            Request::Script { script, keys, args } => {
                let command = evalsha(script, keys, args);
                let result = self.command(&command).await;
                if !is_unknown_script(&result) {
                    return result;
                }
                self.load(script).await?;
                self.command(&command).await
            }
            Request::ScriptForEach { script, keys, args } => {
                let commands: Vec<Cmd> = keys.iter().map(|keys| evalsha(script, keys, args)).collect();
                let result = self.commands(&commands).await;
                if !is_unknown_script(&result) {
                    return result;
                }
                self.load(script).await?;
                self.commands(&commands).await
            }
        }
    }

    async fn command(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(link) => command.query_async(link).await,
            Self::Cluster(link) => command.query_async(link).await,
        }
    }

    /// Commands of one key each, in one go. In a cluster each goes its own way, several at once; the answers are in their order.
    async fn commands(&mut self, commands: &[Cmd]) -> RedisResult<Value> {
        match self {
            Self::Single(link) => {
                let mut pipeline = redis::pipe();
                for command in commands {
                    pipeline.add_command(command.clone());
                }
                pipeline.query_async(link).await
            }
            Self::Cluster(link) => {
                let sent = futures::stream::iter(commands.to_vec()).map(|command| {
                    let mut link = link.clone();
                    async move { command.query_async::<Value>(&mut link).await }
                });
                let answers: Vec<RedisResult<Value>> = sent.buffered(SLOTS_AT_ONCE).collect().await;
                answers.into_iter().collect::<RedisResult<Vec<Value>>>().map(Value::Array)
            }
        }
    }

    async fn each_server(&mut self, command: &Cmd) -> RedisResult<Value> {
        let link = match self {
            Self::Single(link) => return Ok(Value::Array(vec![command.query_async(link).await?])),
            Self::Cluster(link) => link,
        };
        let to_all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        #[expect(clippy::wildcard_enum_match_arm, reason = "any other value is wrong here")]
        match link.route_command(command.clone(), to_all).await? {
            Value::Map(answers) => Ok(Value::Array(answers.into_iter().map(|(_, answer)| answer).collect())),
            // Of a cluster of one.
            answer @ (Value::BulkString(_) | Value::VerbatimString { .. } | Value::SimpleString(_)) => {
                Ok(Value::Array(vec![answer]))
            }
            other => {
                let text = format!("{other:?} where each node's answer was expected");
                Err((ErrorKind::UnexpectedReturnType, "an answer of a cluster", text).into())
            }
        }
    }

    async fn load(&mut self, script: &Script) -> RedisResult<()> {
        match self {
            Self::Single(link) => script.load_async(link).await.map(drop),
            Self::Cluster(link) => script.load_async(link).await.map(drop),
        }
    }
}

/// Why a cluster's nodes cannot be used, if one of them tells: the library keeps no more than the words of it.
async fn why_not(nodes: &[Client]) -> Option<RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(NODE_CONNECT_TIMEOUT))
        .set_response_timeout(Some(NODE_CONNECT_TIMEOUT));
    for node in nodes {
        let asked = async {
            let mut link = node.get_multiplexed_async_connection_with_config(&config).await?;
            redis::cmd("CLUSTER").arg("SLOTS").query_async::<Value>(&mut link).await
        };
        match asked.await {
            // One that is away tells nothing of the others.
            Err(error) if !error.is_io_error() || certificate_trouble(&error).is_some() => {
                return Some(error);
            }
            Ok(_) | Err(_) => {}
        }
    }
    None
}

fn is_unknown_script(result: &RedisResult<Value>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
}

fn evalsha(script: &Script, keys: &[String], args: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(keys.len()).arg(keys).arg(args);
    command
}

fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive)
}

/// The library takes the process's choice of cryptography, and has none of its own.
fn install_tls_provider() {
    // Another part of the program has chosen before: that is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn certificates(tls: &RedisTls) -> Result<TlsCertificates, String> {
    let read = |what: &str, path: &Path| {
        std::fs::read(path).map_err(|error| format!("failed to read {what} {}: {error}", path.display()))
    };
    let client_tls = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => Some(ClientTlsConfig {
            client_cert: read("the certificate for Redis", cert)?,
            client_key: read("the key for Redis", key)?,
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err("a client's certificate and its key belong together: set STENO_REDIS_CERT and STENO_REDIS_KEY".to_owned());
        }
    };
    let root_cert =
        tls.ca.as_deref().map(|path| read("the certificate authority of Redis", path)).transpose()?;
    Ok(TlsCertificates { client_tls, root_cert })
}
