//! `steno model pull OWNER/NAME`, from a server with the Hub's API.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use anyhow::{Result, ensure};
use sha2::{Digest as _, Sha256};
use steno_shared::fingerprint::hex;
use steno_tests::steno::Steno;

use super::{FILES, is_whole};

/// Serves the model `owner/name`; `damaged` is a file that comes with other content than is listed.
fn serve(damaged: &'static str) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, damaged);
        }
    });
    Ok(format!("http://{address}"))
}

fn answer(mut stream: TcpStream, damaged: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut authorised = false;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        authorised |= header.to_lowercase().starts_with("authorization: bearer sesame");
        if header.trim().is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        _ if !authorised => ("401 Unauthorized", String::new()),
        "/api/models/owner/name/tree/main" => ("200 OK", listing()),
        path => {
            let name = path.strip_prefix("/owner/name/resolve/main/").unwrap_or_default();
            match FILES.iter().find(|(file, _)| *file == name) {
                Some((_, text)) if name == damaged => ("200 OK", text.to_uppercase()),
                Some((_, text)) => ("200 OK", (*text).to_owned()),
                None => ("404 Not Found", String::new()),
            }
        }
    };
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn listing() -> String {
    let file = |(name, text): (&str, &str)| match name {
        "model.bin" => {
            let oid = hex(&Sha256::digest(text));
            serde_json::json!({"type": "file", "path": name, "size": text.len(), "lfs": {"oid": oid}})
        }
        _ => serde_json::json!({"type": "file", "path": name, "size": text.len()}),
    };
    let mut files: Vec<_> = FILES.into_iter().map(file).collect();
    files.push(serde_json::json!({"type": "file", "path": "../../escape", "size": 1}));
    files.push(serde_json::json!({"type": "file", "path": "README.md", "size": 1}));
    serde_json::Value::from(files).to_string()
}

fn pull(folder: &std::path::Path, endpoint: &str, id: &str, token: &str) -> Result<Steno> {
    let run = Steno::new(folder)?.envs([("HF_ENDPOINT", endpoint), ("HF_TOKEN", token)]);
    Ok(run.args(["model", "pull", id, "--to", "cache/name"]))
}

#[test]
fn a_model_of_the_hub_is_pulled_whole() -> Result<()> {
    let (folder, hub) = (tempfile::tempdir()?, serve("")?);
    pull(folder.path(), &hub, "owner/name", "sesame")?.run()?.expect(0)?;
    is_whole(&folder.path().join("cache/name"))?;
    let left: Vec<_> = std::fs::read_dir(folder.path().join("cache"))?.collect::<Result<_, _>>()?;
    ensure!(left.len() == 2, "beside the model and its lock: {left:?}");
    Ok(())
}

#[test]
fn what_the_hub_refuses_or_damages_is_told() -> Result<()> {
    let (folder, hub) = (tempfile::tempdir()?, serve("model.bin")?);
    for (id, token, code, words) in [
        ("owner/name", "guess", 3, "asks for an access token in HF_TOKEN"),
        ("owner/other", "sesame", 3, "the Hub has none; check the id"),
        ("owner/name", "sesame", 6, "model.bin of model owner/name: it came damaged"),
    ] {
        let ended = pull(folder.path(), &hub, id, token)?.run()?.expect(code)?;
        ensure!(ended.stderr.contains(words), "{}", ended.stderr);
        ensure!(!folder.path().join("cache/name").exists());
    }
    Ok(())
}
