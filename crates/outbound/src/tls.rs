use crate::{OutboundError, Roots};
use rustls::ClientConfig;
use std::sync::Arc;

/// One provider of cryptography, whatever else the process has.
pub(crate) fn config(roots: &Roots) -> Result<ClientConfig, OutboundError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| OutboundError::Failed(error.to_string()))?;
    Ok(builder.with_root_certificates(roots.store()?).with_no_client_auth())
}
