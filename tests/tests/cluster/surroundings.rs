//! What a user's cluster has beside Steno: folders on nodes, services at addresses that reach further than the namespace.

use anyhow::{Context as _, Result};

use super::world::{World, apply, home_node, kubectl, tag};

impl World {
    /// Runs a shell script as root on a node, with the node's folder /var/lib as /host; gives what it printed.
    pub(crate) fn on_node_as_root(&self, node: &str, script: &str) -> Result<String> {
        self.ended(&self.begin_as_root(node, script)?)
    }

    /// Begins such a script; gives its pod.
    pub(crate) fn begin_as_root(&self, node: &str, script: &str) -> Result<String> {
        let name = format!("root-on-{node}-{:08x}", rand::random::<u32>());
        let pod = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "nodeName": node,
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "root",
                    "image": format!("docker.io/library/steno-worker:{}", tag()),
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-euc", script],
                    "securityContext": {"runAsUser": 0},
                    "volumeMounts": [{"name": "host", "mountPath": "/host"}],
                }],
                "volumes": [{"name": "host", "hostPath": {"path": "/var/lib"}}],
            },
        });
        apply(&self.namespace, &pod.to_string())?;
        Ok(name)
    }

    /// Waits until a pod has ended well, removes it, and gives what it printed.
    pub(crate) fn ended(&self, pod: &str) -> Result<String> {
        let ended = self.until_succeeded(pod);
        let said = self.kubectl(&["logs", pod])?;
        ended.with_context(|| format!("{pod} said: {said}"))?;
        self.kubectl(&["delete", "pod", pod, "--wait=false"])?;
        Ok(said)
    }

    /// Waits until a pod has ended well.
    pub(crate) fn until_succeeded(&self, pod: &str) -> Result<()> {
        let phase = "--for=jsonpath={.status.phase}=Succeeded";
        self.kubectl(&["wait", phase, &format!("pod/{pod}"), "--timeout=120s"]).map(|_| ())
    }

    /// Where pods with this label `app` are reached on a port, from pods and from this machine: `IP:PORT` of a node.
    pub(crate) fn expose(&self, app: &str, port: u16) -> Result<String> {
        let service = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": format!("{app}-outside")},
            "spec": {"type": "NodePort", "selector": {"app": app}, "ports": [{"port": port}]},
        });
        apply(&self.namespace, &service.to_string())?;
        let port = self.kubectl(&[
            "get",
            "service",
            &format!("{app}-outside"),
            "--output=jsonpath={.spec.ports[0].nodePort}",
        ])?;
        let address = "--output=jsonpath={.status.addresses[?(@.type==\"InternalIP\")].address}";
        Ok(format!("{}:{port}", kubectl(&["get", "node", &home_node()?, address])?))
    }

    /// Starts a pod with this label `app` that serves on a port, and waits until it does.
    pub(crate) fn serve(&self, app: &str, image: &str, command: &[&str], port: u16) -> Result<()> {
        let pod = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": app, "labels": {"app": app}},
            "spec": {
                "nodeName": home_node()?,
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": app,
                    "image": format!("docker.io/library/{image}:{}", tag()),
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
                }],
            },
        });
        apply(&self.namespace, &pod.to_string())?;
        self.kubectl(&["wait", "--for=condition=Ready", &format!("pod/{app}"), "--timeout=60s"]).map(|_| ())
    }
}
