//! The commands on a batch in a cluster.

use serde::Serialize;
use steno_shared::exit::Exit;

use super::arguments::{DeleteArguments, WatchArguments};
use super::cluster_arguments::{BatchArguments, DoctorArguments, SubmitArguments};
use super::output::{print, print_json};
use crate::cluster::ClusterStatus;
use crate::doctor;
use crate::failure::Failure;
use crate::inspect::{self, ClusterAccess, Selection};
use crate::kubernetes::{Cluster, Installation};
use crate::progress::{Totals, write_line};
use crate::quantities::counted;
use crate::submit as submission;
use steno_shared::storage::S3Config;

/// What `submit --json` prints.
#[derive(Serialize)]
struct Submitted<'a> {
    batch: &'a str,
}

fn show(status: &ClusterStatus, json: bool) -> Result<(), Failure> {
    if json { print_json(status) } else { print(&status.text()) }
}

pub(super) async fn open(arguments: &BatchArguments) -> Result<ClusterAccess, Failure> {
    ClusterAccess::open(&arguments.cluster.place(), arguments.batch.as_ref()).await
}

pub(super) async fn submit(arguments: SubmitArguments) -> Result<Exit, Failure> {
    let place = arguments.cluster.required("to transcribe on this machine, use `steno run`")?;
    let cluster = Cluster::connect(&place).await?;
    let installation = Installation::find(&cluster).await?;
    let (manifest, again) = (arguments.manifest.clone(), arguments.cluster.text());
    let (watch, json) = (arguments.watch, arguments.json);
    let request = arguments.request(&installation)?;
    let batch = submission::submit(&cluster, &installation, &request, manifest.as_deref()).await?;
    let said = format!(
        "Submitted batch {batch}. `steno watch {again}` shows how far it is; `steno cancel {again}` stops it."
    );
    match (json, watch) {
        (false, _) => print(&said)?,
        (true, false) => print_json(&Submitted { batch: batch.as_str() })?,
        (true, true) => write_line(&said),
    }
    if !watch {
        return Ok(Exit::Success);
    }
    let access = ClusterAccess::of(cluster, installation, Some(&batch)).await?;
    let status = access.watch().await?;
    show(&status, json)?;
    Ok(inspect::exit_of(&status))
}

pub(super) async fn print_status(arguments: &BatchArguments, json: bool) -> Result<Exit, Failure> {
    let status = open(arguments).await?.status().await?;
    show(&status, json)?;
    Ok(Exit::Success)
}

pub(super) async fn watch(arguments: WatchArguments) -> Result<Exit, Failure> {
    let place = arguments.cluster.required("a run on this machine shows how far it is itself")?;
    let access = ClusterAccess::open_patiently(&place, arguments.batch.as_ref()).await?;
    let status = access.watch().await?;
    show(&status, arguments.json)?;
    if let Some(command) = &arguments.after_drain {
        inspect::after_drain(command, &status).await?;
    }
    Ok(inspect::exit_of(&status))
}

pub(super) async fn requeue(arguments: &BatchArguments, selection: &Selection) -> Result<Exit, Failure> {
    let access = open(arguments).await?;
    let shards = access.record.course.shards;
    let requeued = inspect::requeue(&access.leases, shards, selection).await;
    // Also for what an earlier try put back before it broke off.
    let next = if Totals::of(&access.leases.all_counts(shards).await?).open() > 0 {
        access.resume().await?;
        "; the coordinator has what is left taken up"
    } else {
        ""
    };
    let requeued = requeued?;
    print(&format!("{} requeued{next}", counted(requeued, "failed recording")))?;
    Ok(Exit::Success)
}

pub(super) async fn reconcile(arguments: &BatchArguments) -> Result<Exit, Failure> {
    let access = open(arguments).await?;
    access.reconcile().await?;
    print("The coordinator looks through input and output again; what Redis has lost comes back.")?;
    Ok(Exit::Success)
}

pub(super) async fn cancel(arguments: &BatchArguments) -> Result<Exit, Failure> {
    let access = open(arguments).await?;
    access.cancel().await?;
    print(
        "Cancelled: what is in hand is finished, then the pods end. The same `steno submit` takes the batch up again.",
    )?;
    Ok(Exit::Success)
}

pub(super) async fn doctor(arguments: DoctorArguments) -> Result<Exit, Failure> {
    let output = arguments.out.as_ref();
    let checks = match &arguments.settings {
        Some(settings) if arguments.inside => doctor::check_inside(settings, output).await?,
        Some(_) | None if arguments.cluster.kube => {
            if arguments.s3.config() != S3Config::default() {
                return Err(Failure::usage(
                    "--s3-endpoint and --s3-region are for this machine; a cluster's are in the chart's values (`storage`)",
                ));
            }
            doctor::check_cluster(&arguments.cluster.place(), output).await?
        }
        Some(_) | None => doctor::check_local(output, &arguments.s3.config()).await,
    };
    if arguments.json {
        for check in &checks {
            print_json(check)?;
        }
    } else {
        print(&doctor::report(&checks))?;
    }
    Ok(if checks.iter().any(doctor::Check::is_bad) { Exit::Unusable } else { Exit::Success })
}

pub(super) async fn delete(arguments: DeleteArguments) -> Result<Exit, Failure> {
    let place = arguments.cluster.required("or name a state folder of this machine with --state")?;
    let access = ClusterAccess::open(&place, arguments.batch.as_ref()).await?;
    access.delete().await?;
    let request = &access.record.request;
    print(&format!("Deleted batch {}; its transcripts stay in {}", access.record.batch, request.output))?;
    Ok(Exit::Success)
}
