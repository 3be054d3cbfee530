//! What is known of a provider before anybody configures it.

use crate::emails::Emails;
use crate::logo::logo;
use crate::odd::Finish;
use crate::profile::Profile;
use crate::table::TABLE;

pub(crate) struct Known {
    pub name: &'static str,
    pub display_name: &'static str,
    /// its place in the list
    pub order: u8,
    pub pkce: bool,
    pub scopes: &'static [&'static str],
    /// with the request for the code, besides what all send
    pub params: &'static [(&'static str, &'static str)],
    pub auth_url: &'static str,
    pub token_url: &'static str,
    pub user_info_url: &'static str,
    pub keys_url: &'static str,
    pub issuers: &'static [&'static str],
    pub credentials: Credentials,
    pub source: Source,
    /// with the request for the user's data
    pub headers: &'static [(&'static str, Header)],
    pub profile: Profile,
    /// where the user's addresses are, if not with the rest
    pub emails: Option<Emails>,
    /// what no table tells
    pub finish: Option<Finish>,
}

/// How a client proves itself when it exchanges a code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Credentials {
    Header,
    Body,
    /// in the header, and in the body if that is refused
    Either,
}

/// Where the user's data is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Source {
    /// at an address
    UserInfo,
    /// the answer to this GraphQL query
    Query(&'static str),
    /// in the ID token
    IdToken,
    /// at an address if there is one, else in the ID token
    OpenId,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Header {
    Text(&'static str),
    ClientId,
}

/// What most have in common.
pub(crate) const PLAIN: Known = Known {
    name: "",
    display_name: "",
    order: 0,
    pkce: true,
    scopes: &[],
    params: &[],
    auth_url: "",
    token_url: "",
    user_info_url: "",
    keys_url: "",
    issuers: &[],
    credentials: Credentials::Body,
    source: Source::UserInfo,
    headers: &[],
    profile: Profile::NONE,
    emails: None,
    finish: None,
};

pub(crate) fn find(name: &str) -> Option<&'static Known> {
    TABLE.iter().find(|known| known.name == name)
}

/// A provider as it is offered to those who configure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listed {
    pub name: &'static str,
    pub display_name: &'static str,
}

impl Listed {
    /// Drawn by ourselves.
    pub fn logo(&self) -> String {
        logo(self.display_name)
    }
}

/// All providers, the better known first.
pub fn listed() -> Vec<Listed> {
    let mut all: Vec<&Known> = TABLE.iter().collect();
    all.sort_by_key(|known| (known.order, known.name));
    all.into_iter().map(|known| Listed { name: known.name, display_name: known.display_name }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use oauth2::{AuthUrl, TokenUrl};
    use std::collections::BTreeSet;
    use tidewire_model::oauth2::PROVIDERS;

    #[test]
    fn the_table_has_just_the_names_that_definitions_may_use() {
        let names: BTreeSet<_> = TABLE.iter().map(|known| known.name).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(names, BTreeSet::from(PROVIDERS));
    }

    #[test]
    fn addresses_of_the_table_are_addresses() {
        for known in TABLE {
            for url in [known.auth_url, known.token_url, known.user_info_url, known.keys_url] {
                let https = url.starts_with("https://") && AuthUrl::new(url.to_owned()).is_ok();
                assert!(url.is_empty() || https, "{}: {url}", known.name);
            }
            let own_server = known.name.starts_with("oidc") || known.name == "mailcow";
            assert_eq!(TokenUrl::new(known.token_url.to_owned()).is_err(), own_server, "{}", known.name);
            assert!(known.source != Source::IdToken || !known.keys_url.is_empty(), "{}", known.name);
        }
    }
}
