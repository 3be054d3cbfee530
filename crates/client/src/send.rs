use crate::request::Request;
use crate::{Client, Error};
use reqwest::Method;
use serde::Serialize;
use serde_json::Value as Json;

/// Any request, before it is sent.
pub struct Send(Result<Request, Error>);

impl Client {
    /// Any request to the server, signed with the token; `path` is below the address of the client, its segments encoded.
    pub fn send(&self, method: &str, path: &str) -> Send {
        let method = method.parse::<Method>().map_err(|_| Error::Invalid(format!("no method: {method:?}")));
        Send(method.map(|method| self.request(method, path)))
    }
}

impl Send {
    pub fn query(self, pairs: &[(String, String)]) -> Self {
        Self(self.0.map(|request| request.query(pairs)))
    }

    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        Self(self.0.map(|request| request.json(body)))
    }

    /// The answer's JSON; `Null` if it has none.
    pub async fn read(self) -> Result<Json, Error> {
        self.0?.read_any().await
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.map(|request| request.header(name, value)))
    }

    /// The answer while it comes, however long that takes.
    pub async fn stream(self) -> Result<reqwest::Response, Error> {
        self.0?.endless().send().await
    }
}
