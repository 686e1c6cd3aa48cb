//! What pods said when they ended.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use steno_shared::exit::{Exit, LAST_WORDS_PREFIX};

/// What the pod that ended badly last said of why.
#[must_use]
pub fn last_words(pods: &[Pod]) -> Option<String> {
    let ended = pods.iter().filter_map(|pod| {
        let terminated = terminated(pod)?;
        let at = terminated.finished_at.as_ref().map(|time| time.0);
        (terminated.exit_code != 0).then(|| (at, why_ended(pod)))
    });
    ended.max_by_key(|(at, _)| *at).map(|(_, words)| words)
}

/// Why a pod ended badly.
pub(super) fn why_ended(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let Some(terminated) = terminated(pod) else {
        // Evicted before any container of it ended: its own reason tells.
        let reason = status.and_then(|status| status.reason.clone());
        let message = status.and_then(|status| status.message.clone());
        return match (reason, message) {
            (Some(reason), Some(message)) => format!("{reason}: {message}"),
            (Some(reason), None) => reason,
            (None, message) => message.unwrap_or_else(|| "it ended without a word".to_owned()),
        };
    };
    if terminated.reason.as_deref() == Some("OOMKilled") {
        return "it was killed for using more memory than worker.resources.limits.memory; raise that in the chart's values".to_owned();
    }
    if Exit::from_code(terminated.exit_code) == Some(Exit::Interrupted) {
        return "it was told to stop, and gave back what it held".to_owned();
    }
    let message = terminated.message.as_deref().unwrap_or_default();
    // Its last line in the worker's own form, or its last line.
    let said = message.lines().rev().find_map(|line| line.strip_prefix(LAST_WORDS_PREFIX));
    let said = said.or_else(|| message.lines().rev().find(|line| !line.trim().is_empty()));
    let code = terminated.exit_code;
    match (said, Exit::from_code(code)) {
        (Some(said), _) => said.trim().to_owned(),
        (None, Some(exit)) => format!("it ended with exit code {code} ({exit:?})"),
        (None, None) => format!("it ended with exit code {code}"),
    }
}

/// How a pod's containers ended: the one that ended badly, else the worker.
fn terminated(pod: &Pod) -> Option<&ContainerStateTerminated> {
    let status = pod.status.as_ref()?;
    let init = status.init_container_statuses.iter().flatten();
    let all = init.chain(status.container_statuses.iter().flatten());
    let ended = all.filter_map(|container| container.state.as_ref()?.terminated.as_ref());
    ended.max_by_key(|ended| ended.exit_code != 0)
}
