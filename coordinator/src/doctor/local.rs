//! Whether this machine has what `steno run` needs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use steno_shared::storage::{Location, S3Config, Store};

use super::check::Check;
use super::decoder;
use crate::backlog::check_output;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::programs::Programs;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks at this machine's programs, its devices, and, if one is named, the place where transcripts would go.
pub async fn check_local(output: Option<&Location>, s3: &S3Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let programs = Programs::find();
    match &programs {
        Ok(programs) => {
            checks.push(Check::of("worker", version(&programs.worker, "--version").await));
            checks.push(Check::of("ffmpeg", version(&programs.ffmpeg, "-version").await));
            let ffmpeg = programs.ffmpeg.as_os_str();
            let said = said_by(&programs.worker, &[decoder::SUBCOMMAND.as_ref(), ffmpeg]).await;
            checks.push(decoder::judge("decoder", &said.unwrap_or_else(|failure| failure.message)));
        }
        Err(failure) => checks.push(Check::bad("programs", failure.message.clone())),
    }
    checks.push(match Programs::find_redis_server() {
        Ok(program) => Check::of("redis-server", version(&program, "--version").await),
        Err(failure) => {
            Check::bad("redis-server", format!("{failure}; or name a Redis of your own with --redis"))
        }
    });
    checks.push(devices());
    if let Some(output) = output {
        let writable = async {
            check_output(&Store::open(output, s3).await?).await?;
            Ok(format!("{output} can be written, and of two writers only one creates an object"))
        };
        checks.push(Check::of("output", writable.await));
    }
    checks
}

fn devices() -> Check {
    let machine = Machine::look();
    let cores = format!("{} cores", machine.cores);
    match machine.gpus {
        0 => Check::note("devices", format!("{cores}, no NVIDIA GPU: everything is computed on the CPU")),
        gpus => Check::good("devices", format!("{cores}, NVIDIA GPUs: {gpus}")),
    }
}

/// The first line that a program says of its version.
async fn version(program: &Path, argument: &str) -> Result<String, Failure> {
    let said = said_by(program, &[argument.as_ref()]).await?;
    let line = said.lines().next().unwrap_or_default().trim();
    Ok(format!("{} ({line})", program.display()))
}

async fn said_by(program: &Path, arguments: &[&OsStr]) -> Result<String, Failure> {
    let failed = |cause: &dyn std::fmt::Display| {
        Failure::unusable(format!("failed to run {}: {cause}; install it anew", program.display()))
    };
    let run = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, run)
        .await
        .map_err(|_| failed(&"no answer within 20 s"))?
        .map_err(|error| failed(&error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(&format!("{}, {}", output.status, said.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
