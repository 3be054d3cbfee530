use crate::OutboundError;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Which addresses may be reached.
pub(crate) type Allowed = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Looks names up and keeps what may be reached. A connection goes to one of just these addresses, so a name that resolves
/// to another one a moment later gains nothing.
pub(crate) struct Guard {
    pub allowed: Allowed,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let kept: Vec<SocketAddr> = found.into_iter().filter(|address| allowed(address.ip())).collect();
            if kept.is_empty() {
                return Err(OutboundError::Private(name.to_owned()).into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// Refuses what is not HTTP, and addresses that no name stands for: nobody would look those up.
pub(crate) fn check(url: &Url, allowed: &Allowed) -> Result<(), OutboundError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(OutboundError::Invalid(format!("{}: is neither http nor https", url.scheme())));
    }
    let Some(host) = url.host_str() else {
        return Err(OutboundError::Invalid("the address names no host".to_owned()));
    };
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if !allowed(address) => Err(OutboundError::Private(host.to_owned())),
        _ => Ok(()),
    }
}
