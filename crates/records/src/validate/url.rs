use super::email::allowed;
use crate::error::FieldError;
use std::net::Ipv6Addr;
use tidewire_model::field::DomainOptions;

const SCHEMES: [&str; 7] = ["http", "https", "ftp", "tcp", "udp", "ws", "wss"];
/// Bytes.
const MAX_LENGTH: usize = 2083;

/// Whether it is a URL of a scheme that is allowed.
pub fn is_url(text: &str) -> bool {
    host_of(text).is_some()
}

pub(super) fn check(options: &DomainOptions, required: bool, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return if required { Err(FieldError::required()) } else { Ok(()) };
    }
    let Some(host) = host_of(text) else {
        return Err(FieldError::new("validation_invalid_url", "Must be a valid url."));
    };
    if !allowed(options, host) {
        return Err(FieldError::new("validation_url_domain_not_allowed", "Url domain is not allowed."));
    }
    Ok(())
}

/// The host with its port, "" if no scheme makes it one; `None` if the text is no URL.
fn host_of(text: &str) -> Option<&str> {
    if text.len() <= 3 || text.len() >= MAX_LENGTH || text.contains(|c: char| c.is_whitespace() || c < ' ') {
        return None;
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    if scheme.is_some_and(|scheme| !SCHEMES.contains(&scheme)) {
        return None;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (name, port) = split_port(host)?;
    let port_fits =
        port.is_none_or(|port| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()));
    if !port_fits || !is_host(name) || (scheme.is_none() && !text.contains('.')) {
        return None;
    }
    Some(if scheme.is_some() { host } else { "" })
}

fn split_port(host: &str) -> Option<(&str, Option<&str>)> {
    if !host.starts_with('[') {
        return Some(match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        });
    }
    let end = host.find(']')? + 1;
    let port = &host[end..];
    match port.strip_prefix(':') {
        Some(port) => Some((&host[..end], Some(port))),
        None if port.is_empty() => Some((&host[..end], None)),
        None => None,
    }
}

fn is_host(name: &str) -> bool {
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let edge = |c: char| c.is_ascii_alphanumeric() || c >= '\u{a1}';
    let inner = |c: char| edge(c) || c == '-' || c == '_';
    let is_label = |label: &str| label.starts_with(edge) && label.ends_with(edge) && label.chars().all(inner);
    name.split('.').all(is_label)
}
