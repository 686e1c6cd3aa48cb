//! One coordinator at work, others ready: the Lease object of Kubernetes, as its own controllers use it.
//!
//! The clocks of two machines are never compared: a holder is taken for gone when its record has not changed for the lease's
//! duration, as seen from here. Two that are at work all the same, for a moment, do no harm: what they make has names that
//! follow from the batch alone.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;
use tokio::time::{Instant, sleep};

use super::client::{Cluster, create_new, within};
use crate::failure::Failure;

const WRITING: &str = "write the coordinator's Lease";
/// The Lease object.
const NAME: &str = "steno-coordinator";
/// How long a holder that says nothing keeps it.
const DURATION: Duration = Duration::from_secs(15);
/// How often the holder renews, and others look.
const PERIOD: Duration = Duration::from_secs(5);
/// After how long without renewal the holder stops: before another may take over.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);

/// A claim to lead.
#[derive(Clone)]
pub struct Leader {
    leases: Api<Lease>,
    identity: String,
    owner: OwnerReference,
}

impl Leader {
    /// A claim under a name that no other process has. The Lease goes when the installation, its owner, goes.
    #[must_use]
    pub fn new(cluster: &Cluster, name: &str, owner: &OwnerReference) -> Self {
        let identity = format!("{name}-{:08x}", rand::random::<u32>());
        Self { leases: cluster.api(), identity, owner: owner.clone() }
    }

    /// Waits until this process leads.
    ///
    /// # Errors
    /// If the cluster refuses it for good.
    pub async fn acquire(&self) -> Result<(), Failure> {
        let mut seen: Option<(Option<String>, Instant)> = None;
        loop {
            match self.look(&mut seen).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(failure) if failure.exit == steno_shared::exit::Exit::Lost => {
                    tracing::warn!(error = failure.message, "leader.cannot_look");
                }
                Err(failure) => return Err(failure),
            }
            sleep(PERIOD).await;
        }
    }

    /// One look: whether this process leads now. `seen` is the version of the record that was seen last, and since when.
    async fn look(&self, seen: &mut Option<(Option<String>, Instant)>) -> Result<bool, Failure> {
        let Some(lease) = within("read the coordinator's Lease", self.leases.get_opt(NAME)).await? else {
            return self.create().await;
        };
        let version = lease.metadata.resource_version.clone();
        let since = match seen {
            Some((known, since)) if *known == version => *since,
            _ => {
                *seen = Some((version, Instant::now()));
                Instant::now()
            }
        };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || holder == self.identity || since.elapsed() >= DURATION {
            return self.take(lease).await;
        }
        Ok(false)
    }

    async fn create(&self) -> Result<bool, Failure> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                owner_references: Some(vec![self.owner.clone()]),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec(0)),
        };
        create_new(WRITING, &self.leases, &lease).await
    }

    /// Takes or renews it, unless somebody else was faster.
    async fn take(&self, mut lease: Lease) -> Result<bool, Failure> {
        let before = lease.spec.take().unwrap_or_default();
        let is_renewal = before.holder_identity.as_deref() == Some(&self.identity);
        let mut spec = self.spec(before.lease_transitions.unwrap_or(0) + i32::from(!is_renewal));
        if is_renewal {
            spec.acquire_time = before.acquire_time;
        }
        lease.spec = Some(spec);
        within(WRITING, async {
            match self.leases.replace(NAME, &PostParams::default(), &lease).await {
                Err(kube::Error::Api(status)) if status.is_conflict() => Ok(false),
                answer => answer.map(|_| true),
            }
        })
        .await
    }

    fn spec(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    /// Renews until that fails: then this process leads no more and must stop.
    pub async fn lead(&self) -> Failure {
        let mut renewed = Instant::now();
        loop {
            sleep(PERIOD).await;
            match tokio::time::timeout(RENEW_DEADLINE, self.renew()).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => return Failure::lost("another coordinator has taken over"),
                Ok(Err(failure)) => tracing::warn!(error = failure.message, "leader.cannot_renew"),
                Err(_) => tracing::warn!("leader.cannot_renew"),
            }
            if renewed.elapsed() > RENEW_DEADLINE {
                return Failure::lost("the coordinator's Lease could not be renewed; another may take over");
            }
        }
    }

    async fn renew(&self) -> Result<bool, Failure> {
        let lease = within("read the coordinator's Lease", self.leases.get(NAME)).await?;
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        if holder != Some(&self.identity) {
            return Ok(false);
        }
        self.take(lease).await
    }

    /// Gives it up, so that another need not wait.
    pub async fn step_down(&self) {
        let given_up = async {
            let mut lease = self.leases.get(NAME).await?;
            if let Some(spec) =
                lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity))
            {
                spec.holder_identity = None;
                self.leases.replace(NAME, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        // If that fails, the others wait until it has run out.
        let _ = tokio::time::timeout(PERIOD, given_up).await;
    }
}
