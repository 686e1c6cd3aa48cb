//! A way from this machine to a pod's port, through the API server: nothing but the kubeconfig is needed.

use std::net::{Ipv4Addr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// A local port that leads to a pod's; it closes when this is dropped.
#[derive(Debug)]
pub struct PortForward {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl PortForward {
    /// Opens a port of this machine alone.
    ///
    /// # Errors
    /// If no port can be opened.
    pub async fn open(pods: Api<Pod>, pod: String, port: u16) -> Result<Self, Failure> {
        let unusable =
            |error: std::io::Error| Failure::unusable(format!("failed to open a local port: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (pods, pod) = (pods.clone(), pod.clone());
                tokio::spawn(async move {
                    if let Err(error) = forward(&pods, &pod, port, stream).await {
                        // Whoever is at this end sees a closed connection and tries again.
                        tracing::warn!(%error, pod, port, "port_forward.broken");
                    }
                });
            }
        });
        Ok(Self { address, task })
    }

    /// The local address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(pods: &Api<Pod>, pod: &str, port: u16, mut stream: TcpStream) -> Result<(), String> {
    let mut forwarder = pods.portforward(pod, &[port]).await.map_err(|error| error.to_string())?;
    let mut upstream = forwarder.take_stream(port).ok_or("the API server gave no stream")?;
    // How a connection ends is told by the streams themselves.
    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
    drop(upstream);
    forwarder.abort();
    Ok(())
}
