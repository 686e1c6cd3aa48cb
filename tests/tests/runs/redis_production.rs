//! Redis as it is run in production: behind TLS, with replicas that take over.

use anyhow::ensure;
use steno_tests::redis_cluster::{RedisCluster, Watched};
use steno_tests::redis_server::{RedisOptions, RedisServer};
use steno_tests::s3_server::free_port;
use steno_tests::steno::Steno;
use steno_tests::tls_proxy::{Clients, TlsProxy};
use steno_tests::world::{World, expect_counts};
use steno_tests::{audio, invariants, transcripts};

const PASSWORD: &str = "planted-redis-password";

fn world(recordings: u32) -> anyhow::Result<(World, Vec<String>)> {
    let world = World::new()?;
    let names: Vec<String> = (0..recordings).map(|index| format!("{index:04}.flac")).collect();
    for (seconds, name) in (60..).zip(&names) {
        std::fs::write(world.input().join(name), audio::flac_header(seconds, name.as_bytes()))?;
    }
    Ok((world, names))
}

fn check(world: &World, names: &[String]) -> anyhow::Result<()> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    invariants::check(world, &names, &[]).map(drop)
}

fn run(world: &World, workers: &str, speed: &str, url: &str) -> anyhow::Result<Steno> {
    Ok(world.rehearse(workers, speed)?.args(["--redis", url]))
}

#[test]
fn tls_is_spoken_with_an_authority_and_a_certificate_of_ones_own() -> anyhow::Result<()> {
    let redis = RedisServer::start(RedisOptions { aof: true, ..RedisOptions::default() })?;
    let (world, names) = world(4)?;
    let open = TlsProxy::start(&redis.socket(), Clients::Anybody)?;
    let closed = TlsProxy::start(&redis.socket(), Clients::Signed)?;
    let url = |proxy: &TlsProxy| format!("rediss://localhost:{}", proxy.port);

    let unknown = run(&world, "2", "1000", &url(&open))?.run()?.expect(3)?;
    unknown.says(&["the certificate of Redis is not trusted", "STENO_REDIS_CA names a file"])?;
    let gone = run(&world, "2", "1000", &url(&open))?
        .envs([("STENO_REDIS_CA", "/nowhere/ca.crt")])
        .run()?
        .expect(3)?;
    gone.says(&["failed to read the certificate authority of Redis /nowhere/ca.crt"])?;
    let file = |proxy: &TlsProxy, name: &str| proxy.file(name).display().to_string();
    // One that the other authority has signed.
    let other = file(&closed, "ca.crt");
    let untrusted =
        run(&world, "2", "1000", &url(&open))?.envs([("STENO_REDIS_CA", other.as_str())]).run()?.expect(3)?;
    untrusted.says(&["the certificate of Redis is not trusted"])?;
    let ca = file(&closed, "ca.crt");
    let nameless =
        run(&world, "2", "1000", &url(&closed))?.envs([("STENO_REDIS_CA", ca.as_str())]).run()?.expect(3)?;
    nameless.says(&["Redis does not take this client's certificate, or wants one"])?;
    let another_name = format!("rediss://127.0.0.1:{}", closed.port);
    let wrong =
        run(&world, "2", "1000", &another_name)?.envs([("STENO_REDIS_CA", ca.as_str())]).run()?.expect(3)?;
    wrong.says(&["the certificate of Redis is not trusted"])?;

    let (cert, key) = (file(&closed, "client.crt"), file(&closed, "client.key"));
    let env = [("STENO_REDIS_CA", ca.as_str()), ("STENO_REDIS_CERT", &cert), ("STENO_REDIS_KEY", &key)];
    let half = run(&world, "2", "1000", &url(&closed))?.envs([env[0], env[1]]).run()?.expect(3)?;
    half.says(&["belong together: set STENO_REDIS_CERT and STENO_REDIS_KEY"])?;
    let ran = run(&world, "2", "1000", &url(&closed))?.envs(env).run()?.expect(0)?;
    expect_counts(&ran.json()?, &[("done", 4), ("failed", 0), ("left", 0)])?;
    let status =
        world.steno()?.args(["status", "--json", "--state"]).arg(world.state()).envs(env).run()?.expect(0)?;
    expect_counts(&status.json()?, &[("done", 4)])?;
    for (name, transcript) in transcripts::with_extension(&world.output(), "json")? {
        transcripts::valid(&name, &transcript.0)?;
    }
    ensure!(transcripts::count(&world.output())? == names.len(), "not all are there");
    Ok(())
}

#[test]
fn a_primary_that_dies_is_replaced_by_its_sentinel_and_nothing_is_lost() -> anyhow::Result<()> {
    let mut watched = Watched::start(PASSWORD)?;
    let (world, names) = world(60)?;
    let env = [("STENO_REDIS_PASSWORD", PASSWORD)];
    let mut running = run(&world, "4", "100", &watched.url())?.envs(env).start()?;
    let output = world.output();
    running.until("5 are done", |_| Ok(transcripts::count(&output)? >= 5))?;
    watched.primary.kill()?;
    let done = transcripts::count(&output)?;
    ensure!(done < 50, "{done} were done before the primary died");
    let ended = running.ended()?.expect(0)?;
    expect_counts(&ended.json()?, &[("recordings", 60), ("failed", 0), ("left", 0)])?;
    let status =
        world.steno()?.args(["status", "--json", "--state"]).arg(world.state()).envs(env).run()?.expect(0)?;
    expect_counts(&status.json()?, &[("dead", 0), ("ready", 0), ("leased", 0)])?;
    std::fs::remove_dir_all(world.state())?;
    check(&world, &names)
}

#[test]
fn a_cluster_holds_the_shards_and_a_primary_of_it_may_die() -> anyhow::Result<()> {
    let mut cluster = RedisCluster::start()?;
    let (world, names) = world(60)?;
    let mut running = run(&world, "4", "100", &cluster.url())?.start()?;
    let output = world.output();
    running.until("5 are done", |_| Ok(transcripts::count(&output)? >= 5))?;
    let with_keys = cluster.nodes.iter().filter(|node| has_keys(node)).count();
    ensure!(with_keys > 2, "the shards of the batch all lie on one primary");
    cluster.kill_a_primary()?;
    let done = transcripts::count(&output)?;
    ensure!(done < 50, "{done} were done before the primary died");
    let ended = running.ended()?.expect(0)?;
    expect_counts(&ended.json()?, &[("recordings", 60), ("failed", 0), ("left", 0)])?;
    check(&world, &names)?;
    world.steno()?.args(["delete", "--state"]).arg(world.state()).run()?.expect(0)?;
    let left = cluster.nodes.iter().filter(|node| has_keys(node)).count();
    ensure!(left == 0, "{left} nodes have keys of a batch that was deleted");
    Ok(())
}

/// Of a node that lives.
fn has_keys(node: &RedisServer) -> bool {
    let keys = |node: &RedisServer| -> anyhow::Result<Vec<String>> {
        Ok(redis::cmd("KEYS").arg("*").query(&mut node.connection()?)?)
    };
    keys(node).is_ok_and(|keys| !keys.is_empty())
}

#[test]
fn a_url_that_names_the_wrong_kind_of_server_is_told_the_right_one() -> anyhow::Result<()> {
    let (world, _) = world(1)?;
    let refused = |url: &str, code: i32, words: &str| -> anyhow::Result<()> {
        run(&world, "1", "1000", url)?.run()?.expect(code)?.says(&[words]).map(drop)
    };
    let watched = Watched::start(PASSWORD)?;
    let sentinel = watched.url().replace("redis+sentinel", "redis").replace("/calls", "");
    refused(&sentinel, 3, "name it as redis+sentinel://host:port/SERVICE")?;
    let cluster = RedisCluster::start()?;
    let node = cluster.url().replace("redis+cluster", "redis");
    let node = node.split_once(',').map_or(node.as_str(), |(first, _)| first);
    refused(node, 3, "name it as redis+cluster://host:port")?;
    let port = free_port()?.to_string();
    let args =
        ["--port", &port, "--bind", "127.0.0.1", "--requirepass", PASSWORD].map(str::to_owned).to_vec();
    let _redis = RedisServer::start(RedisOptions { args, ..RedisOptions::default() })?;
    let as_cluster = format!("redis+cluster://127.0.0.1:{port}");
    refused(&as_cluster, 3, "Redis refuses it")?;
    let with_password = run(&world, "1", "1000", &as_cluster)?.envs([("STENO_REDIS_PASSWORD", PASSWORD)]);
    with_password
        .run()?
        .expect(3)?
        .says(&["the server is no node of a Redis Cluster: name it as redis://host:port"])?;
    for (url, words) in [
        ("redis+sentinel://127.0.0.1:1", "the name of the service"),
        ("redis+cluster://127.0.0.1:1/3", "no numbered databases"),
        ("http://127.0.0.1", "it is none of redis://"),
    ] {
        refused(url, 2, words)?;
    }
    Ok(())
}

/// Replicas take over on request too, and the old primary goes on, as a replica that refuses to be written.
#[test]
fn a_primary_that_becomes_a_replica_is_left_for_the_new_one() -> anyhow::Result<()> {
    let watched = Watched::start(PASSWORD)?;
    let (world, names) = world(60)?;
    let env = [("STENO_REDIS_PASSWORD", PASSWORD)];
    let mut running = run(&world, "4", "100", &watched.url())?.envs(env).start()?;
    let output = world.output();
    running.until("5 are done", |_| Ok(transcripts::count(&output)? >= 5))?;
    watched.fail_over()?;
    let ended = running.ended()?.expect(0)?;
    expect_counts(&ended.json()?, &[("recordings", 60), ("failed", 0), ("left", 0)])?;
    std::fs::remove_dir_all(world.state())?;
    check(&world, &names)
}

/// One of the nodes that the URL names swallows all packets, as a machine without power does: the others do.
#[test]
fn a_cluster_is_reached_though_one_of_its_nodes_is_silent() -> anyhow::Result<()> {
    let cluster = RedisCluster::start()?;
    // Longer in hand than a lease lasts, so that heartbeats have to get through.
    let (world, names) = (World::new()?, ["a.flac".to_owned(), "b.flac".to_owned()]);
    for name in &names {
        std::fs::write(world.input().join(name), audio::flac_header(2_400, name.as_bytes()))?;
    }
    // Nobody takes what waits in its full queue.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?;
    let _queue: Vec<_> = (0..200)
        .map_while(|_| {
            std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200)).ok()
        })
        .collect();
    let url = cluster.url().replace("redis+cluster://", &format!("redis+cluster://{address},"));
    // The third worker would take what the others let go.
    let ended = run(&world, "3", "100", &url)?.args(["--split", "never"]).run()?.expect(0)?;
    expect_counts(&ended.json()?, &[("done", 2), ("failed", 0), ("left", 0)])?;
    let attempts: u64 = world.items(&[])?.iter().filter_map(|item| item["attempts"].as_u64()).sum();
    ensure!(attempts == 2, "2 recordings took {attempts} attempts: their leases were not renewed");
    check(&world, &names)
}
