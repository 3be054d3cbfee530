use crate::error::FieldError;
use tidewire_model::field::DomainOptions;

pub(super) fn check(options: &DomainOptions, required: bool, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return if required { Err(FieldError::required()) } else { Ok(()) };
    }
    let domain = text.rsplit('@').next().unwrap_or_default();
    if !is_email(text) {
        return Err(FieldError::new("validation_is_email", "Must be a valid email address."));
    }
    if !allowed(options, domain) {
        return Err(FieldError::new("validation_email_domain_not_allowed", "Email domain is not allowed."));
    }
    Ok(())
}

/// Whether the lists of a field let this domain pass.
pub(super) fn allowed(options: &DomainOptions, domain: &str) -> bool {
    let listed = |list: &Option<Vec<Box<str>>>| {
        list.as_ref().filter(|list| !list.is_empty()).map(|list| list.iter().any(|name| &**name == domain))
    };
    listed(&options.only_domains) != Some(false) && listed(&options.except_domains) != Some(true)
}

pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    is_local(local) && is_domain(domain)
}

fn is_local(local: &str) -> bool {
    if let Some(quoted) = local.strip_prefix('"') {
        let Some(inside) = quoted.strip_suffix('"') else { return false };
        return !inside.contains('"') && !inside.contains(['\r', '\n']);
    }
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || wide(c);
    !local.is_empty() && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

fn is_domain(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let Some((labels, last)) = domain.rsplit_once('.') else { return false };
    let letter = |c: char| c.is_ascii_alphabetic() || wide(c);
    let edge = |c: char| c.is_ascii_alphanumeric() || wide(c);
    is_label(last, letter) && labels.split('.').all(|label| is_label(label, edge))
}

fn is_label(label: &str, edge: impl Fn(char) -> bool) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '~') || wide(c);
    label.starts_with(&edge) && label.ends_with(&edge) && label.chars().all(inner)
}

/// Characters beyond Latin-1's controls.
fn wide(c: char) -> bool {
    c >= '\u{a0}'
}
