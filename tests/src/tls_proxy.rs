//! TLS before a service that has none: what the service's own would be to its clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Anybody may come.
    Anybody,
    /// Those whose certificates the authority has signed.
    Signed,
}

/// A proxy that ends TLS, with an authority of its own; it ends with the value.
#[derive(Debug)]
pub struct TlsProxy {
    folder: TempDir,
    /// Where it listens, on `localhost`.
    pub port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl TlsProxy {
    /// Starts one before a Unix socket.
    ///
    /// # Errors
    /// When certificates cannot be made, or no port can be had.
    pub fn start(socket: &Path, clients: Clients) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("steno-tls-").tempdir()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        std::fs::write(folder.path().join("ca.crt"), authority.pem())?;
        for (name, subject) in [("server", "localhost"), ("client", "steno")] {
            let key = KeyPair::generate()?;
            let certificate =
                CertificateParams::new(vec![subject.to_owned()])?.signed_by(&key, &authority)?;
            std::fs::write(folder.path().join(format!("{name}.crt")), certificate.pem())?;
            std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem())?;
        }
        let acceptor = acceptor(folder.path(), clients)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let port = listener.local_addr()?.port();
        runtime.spawn(serve(listener, acceptor, socket.to_owned()));
        Ok(Self { folder, port, _runtime: runtime })
    }

    /// A file with the authority, or a client's certificate or key.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn acceptor(folder: &Path, clients: Clients) -> Result<TlsAcceptor> {
    // Whoever was first in this process has chosen the cryptography.
    let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
    let authority = CertificateDer::from_pem_file(folder.join("ca.crt"))?;
    let builder = match clients {
        Clients::Anybody => ServerConfig::builder().with_no_client_auth(),
        Clients::Signed => {
            let mut roots = RootCertStore::empty();
            roots.add(authority)?;
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build()?;
            ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let certificate = CertificateDer::from_pem_file(folder.join("server.crt"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key"))?;
    let config = builder.with_single_cert(vec![certificate], key).context("no certificate")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, socket: PathBuf) {
    while let Ok((client, _)) = listener.accept().await {
        let (acceptor, socket) = (acceptor.clone(), socket.clone());
        tokio::spawn(async move {
            let mut client = acceptor.accept(client).await?;
            let mut server = UnixStream::connect(socket).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}
