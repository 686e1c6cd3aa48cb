//! The trap of model caches: a volume that only one node can mount leaves every other worker hanging.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

/// Judges the claim of the model cache; `None` for one that does not exist.
///
/// # Errors
/// Why it will not do, and what to do.
pub fn judge_model_claim(name: &str, claim: Option<PersistentVolumeClaim>) -> Result<String, String> {
    let claim = claim.ok_or_else(|| {
        format!(
            "the model's volume claim {name} does not exist; make it (see docs/kubernetes.md), or set model.cache.type to pod or \
             node in the chart's values"
        )
    })?;
    let spec = claim.spec.unwrap_or_default();
    let modes = spec.access_modes.unwrap_or_default();
    let shown = if modes.is_empty() { "without access modes".to_owned() } else { modes.join(", ") };
    if !modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany") {
        return Err(format!(
            "the model's volume claim {name} is {}: it can be mounted on one node only, and the coordinator and each worker have one of \
             their own; use a storage class with ReadWriteMany, or set model.cache.type to pod or node in the chart's values (each \
             node then fetches the model once)",
            shown
        ));
    }
    Ok(format!(
        "claim {name} is {}, of storage class {}",
        shown,
        spec.storage_class_name.as_deref().unwrap_or("(default)")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(modes: &[&str]) -> Result<String, String> {
        let claim = json!({"metadata": {}, "spec": {"accessModes": modes, "storageClassName": "nfs"}});
        judge_model_claim("models", Some(serde_json::from_value(claim).unwrap()))
    }

    #[test]
    fn a_volume_for_one_node_is_refused_with_the_way_out() {
        for modes in [&["ReadWriteOnce"][..], &["ReadWriteOncePod"], &[]] {
            let error = judged(modes).unwrap_err();
            assert!(error.contains("one node only") && error.contains("model.cache.type"), "{error}");
        }
        assert_eq!(
            judged(&["ReadWriteOnce", "ReadOnlyMany"]).unwrap(),
            "claim models is ReadWriteOnce, ReadOnlyMany, of storage class nfs"
        );
        judged(&["ReadWriteMany"]).unwrap();
        assert!(judge_model_claim("models", None).unwrap_err().contains("does not exist; make it"));
    }
}
