use crate::columns::Columns;
use crate::connect::Identity;
use crate::password;
use crate::signins::SignIns;
use crate::{Connect, Failure, Output, token};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_client::{Auth, AuthStore, Client};

/// So long before its end a token is renewed: a watch may go on for longer than its token.
const REFRESH: Duration = Duration::from_secs(60);

/// The server that commands speak to.
#[derive(Clone, Debug)]
pub struct Remote {
    pub client: Client,
}

impl Remote {
    /// Nothing is asked yet, unless somebody has to sign in.
    pub async fn open(connect: &Connect, out: &Output) -> Result<Self, Failure> {
        let remote = Self { client: Client::builder(&connect.url).build()? };
        let store = match (&connect.token, &connect.sign_in) {
            (Some(token), _) if token.is_empty() => return Ok(remote),
            (Some(token), _) => in_memory(token::checked(token)?, Json::Null)?,
            (None, None) => return Ok(remote),
            (None, Some(who)) => remote.store_of(&connect.url, who, out).await?,
        };
        let client = Client::builder(&connect.url).auth_store(store).auto_refresh(REFRESH).build()?;
        Ok(Self { client })
    }

    async fn store_of(&self, url: &str, who: &Identity, out: &Output) -> Result<AuthStore, Failure> {
        if let Some(store) = SignIns::at(out.surroundings.config.as_deref()).find(url, who)? {
            return Ok(store);
        }
        let password = password::ask(&out.surroundings, &who.identity, false)?;
        let (token, record) = self.sign_in(&who.collection, &who.identity, &password).await?;
        in_memory(token, record)
    }

    /// A token and the record that it is of.
    pub async fn sign_in(
        &self,
        collection: &str,
        identity: &str,
        password: &str,
    ) -> Result<(String, Json), Failure> {
        let path = format!("api/collections/{}/auth-with-password", segment(collection)?);
        let body = json!({ "identity": identity, "password": password });
        let answer = self.post(&path, &body).await.map_err(|failure| match failure {
            // the server tells nobody which of the two is wrong
            Failure::Failed(text) => Failure::Denied(format!("cannot sign in as {identity:?}: {text}")),
            other => other,
        })?;
        let token = answer["token"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return Err(Failure::Failed("the server answered without a token".to_owned()));
        }
        Ok((token, answer["record"].clone()))
    }

    pub async fn get(&self, path: &str, query: &[(String, String)]) -> Result<Json, Failure> {
        Ok(self.client.send("GET", path).query(query).read().await?)
    }

    pub async fn post(&self, path: &str, body: &Json) -> Result<Json, Failure> {
        Ok(self.client.send("POST", path).json(body).read().await?)
    }

    /// What the fields of a collection are; unknown to all but superusers.
    pub async fn columns(&self, collection: &str) -> Result<Columns, Failure> {
        match self.get(&format!("api/collections/{}", segment(collection)?), &[]).await {
            Ok(definition) => Ok(Columns::of(&definition)),
            Err(Failure::Denied(_)) => Ok(Columns::unknown()),
            Err(failure) => Err(failure.at(collection)),
        }
    }
}

fn in_memory(token: String, record: Json) -> Result<AuthStore, Failure> {
    let store = AuthStore::default();
    store.save(Auth { token, record })?;
    Ok(store)
}

/// The path of a collection's records.
pub fn records(collection: &str) -> Result<String, Failure> {
    Ok(format!("api/collections/{}/records", segment(collection)?))
}

pub fn record(collection: &str, id: &str) -> Result<String, Failure> {
    Ok(format!("{}/{}", records(collection)?, segment(id)?))
}

/// One part of a path, which cannot leave its place.
pub fn segment(text: &str) -> Result<String, Failure> {
    if text.is_empty() || text == "." || text == ".." {
        return Err(Failure::Usage(format!("{text:?} is no name and no id")));
    }
    Ok(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_stay_in_their_place() {
        assert_eq!(
            record("posts", "a/../b?c#d").unwrap(),
            "api/collections/posts/records/a%2F%2E%2E%2Fb%3Fc%23d"
        );
        for wrong in ["", ".", ".."] {
            assert_eq!(record("posts", wrong).unwrap_err().code(), 2);
            assert_eq!(records(wrong).unwrap_err().code(), 2);
        }
    }
}
