//! Whether the user may do in the cluster what the commands do.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use super::check::Check;
use crate::failure::Failure;
use crate::kubernetes::{Cluster, within};

/// Verb, group, resource, subresource, and the commands that need it.
const NEEDED: [(&str, &str, &str, &str, &str); 9] = [
    ("list", "", "configmaps", "", "all"),
    ("create", "", "configmaps", "", "submit"),
    ("patch", "", "configmaps", "", "submit, requeue, cancel"),
    ("delete", "", "configmaps", "", "delete"),
    ("list", "batch", "jobs", "", "status, watch"),
    ("list", "", "pods", "", "status, watch"),
    ("create", "", "pods", "portforward", "status, watch, items, requeue, delete"),
    ("get", "", "secrets", "", "status, watch, items, requeue, delete"),
    ("list", "", "events", "", "status, watch"),
];

/// Asks the API server. `secret` is the one with the password of Redis.
pub(super) async fn check(cluster: &Cluster, secret: Option<&str>) -> Check {
    const WHAT: &str = "rights";
    let mut missing = Vec::new();
    for (verb, group, resource, subresource, commands) in NEEDED {
        let attributes = ResourceAttributes {
            namespace: Some(cluster.namespace.clone()),
            verb: Some(verb.to_owned()),
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource: Some(subresource.to_owned()).filter(|name| !name.is_empty()),
            name: secret.filter(|_| resource == "secrets").map(str::to_owned),
            ..ResourceAttributes::default()
        };
        match may(cluster, attributes).await {
            Ok(true) => {}
            Ok(false) => {
                let path = if subresource.is_empty() {
                    resource.to_owned()
                } else {
                    format!("{resource}/{subresource}")
                };
                missing.push(format!("{verb} {path} (for {commands})"));
            }
            Err(failure) => return Check::bad(WHAT, failure.message),
        }
    }
    if missing.is_empty() {
        return Check::good(
            WHAT,
            format!("you may do all that the commands do in namespace {}", cluster.namespace),
        );
    }
    Check::bad(
        WHAT,
        format!(
            "you may not {} in namespace {}: have whoever installed Steno add you to `users` in the chart's values",
            missing.join(", "),
            cluster.namespace
        ),
    )
}

async fn may(cluster: &Cluster, attributes: ResourceAttributes) -> Result<bool, Failure> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answer = within("ask for your rights", reviews.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
