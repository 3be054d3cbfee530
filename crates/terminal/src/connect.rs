use crate::Failure;
use clap::Args;

/// Which server, and who asks it.
#[derive(Args, Clone, Debug)]
pub struct Connect {
    /// Address of the server
    #[arg(long, default_value = "http://127.0.0.1:8090", env = "TIDEWIRE_URL", hide_env = true)]
    pub url: String,
    /// Token to sign requests with; as a guest without one
    #[arg(long, env = "TIDEWIRE_TOKEN", hide_env = true, conflicts_with = "sign_in")]
    pub token: Option<String>,
    /// Signs in as this record: with what `token --save` kept, else with a password that is asked for
    #[arg(long = "as", value_name = "COLLECTION:IDENTITY", value_parser = Identity::parse)]
    pub sign_in: Option<Identity>,
}

/// The same for a command that is local unless it is told of a server.
#[derive(Args, Clone, Debug)]
pub struct MaybeConnect {
    /// Over HTTP to the server at this address, instead of through the data folder
    #[arg(long, env = "TIDEWIRE_URL", hide_env = true)]
    pub url: Option<String>,
    /// Token to sign the request with
    #[arg(long, env = "TIDEWIRE_TOKEN", hide_env = true, conflicts_with = "sign_in", requires = "url")]
    pub token: Option<String>,
    /// Signs in as this record
    #[arg(long = "as", value_name = "COLLECTION:IDENTITY", value_parser = Identity::parse, requires = "url")]
    pub sign_in: Option<Identity>,
}

impl MaybeConnect {
    /// `None`: nobody named a server.
    pub fn told(self) -> Option<Connect> {
        let Self { url, token, sign_in } = self;
        Some(Connect { url: url?, token, sign_in })
    }
}

/// A record that can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub collection: String,
    /// e-mail address or whatever else the collection takes
    pub identity: String,
}

impl Identity {
    fn parse(text: &str) -> Result<Self, Failure> {
        match text.split_once(':') {
            Some((collection, identity)) if !collection.is_empty() && !identity.is_empty() => {
                Ok(Self { collection: collection.to_owned(), identity: identity.to_owned() })
            }
            _ => Err(Failure::Usage("write it as COLLECTION:IDENTITY, e.g. users:a@example.com".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_names_its_collection() {
        let parsed = |text| Identity::parse(text).ok().map(|found| (found.collection, found.identity));
        let some = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(parsed("users:a@b.c"), some("users", "a@b.c"));
        assert_eq!(parsed("users:a:b"), some("users", "a:b"));
        for wrong in ["users", "users:", ":a", ""] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
