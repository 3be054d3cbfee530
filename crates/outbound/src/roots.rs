use crate::OutboundError;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;

/// Who may vouch for other servers: whoever browsers trust, and whoever is named besides. Cheap to clone.
#[derive(Clone, Default)]
pub struct Roots {
    more: Arc<[CertificateDer<'static>]>,
}

impl Roots {
    /// Certificates in PEM, one after the other; other parts of the file are passed over.
    pub fn read(pem: &[u8]) -> Result<Self, OutboundError> {
        let invalid = |text: String| OutboundError::Invalid(text);
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let more = read.map_err(|error| invalid(format!("certificates cannot be read: {error}")))?;
        if more.is_empty() {
            return Err(invalid("there is no certificate".to_owned()));
        }
        let roots = Self { more: more.into() };
        roots.store()?;
        Ok(roots)
    }

    pub(crate) fn store(&self) -> Result<RootCertStore, OutboundError> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in self.more.iter().cloned() {
            let invalid = |error| OutboundError::Invalid(format!("a certificate cannot be used: {error}"));
            store.add(certificate).map_err(invalid)?;
        }
        Ok(store)
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roots").field("more", &self.more.len()).finish()
    }
}
