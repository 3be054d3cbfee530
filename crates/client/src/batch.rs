use crate::files::form;
use crate::path::segment;
use crate::{Client, Collection, Error, File};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// Writes that are done together or not at all, before they are sent. The server must allow it: `batch.enabled` of its settings.
#[derive(Debug)]
#[must_use = "nothing is written until it is sent"]
pub struct Batch {
    client: Client,
    requests: Vec<Json>,
    files: Vec<(String, File)>,
    fault: Option<Error>,
}

/// What one of the writes came to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BatchResult {
    pub status: u16,
    /// the record, `Null` for a delete
    pub body: Json,
}

impl Client {
    /// Writes that are done together or not at all.
    ///
    /// ```no_run
    /// # async fn example(client: tidewire_client::Client) -> Result<(), tidewire_client::Error> {
    /// use serde_json::json;
    /// let results = client
    ///     .batch()
    ///     .create("posts", &json!({ "title": "Tides" }))
    ///     .update("counters", "counter00000001", &json!({ "posts+": 1 }))
    ///     .send()
    ///     .await?;
    /// println!("{}", results[0].body["id"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch(&self) -> Batch {
        Batch { client: self.clone(), requests: Vec::new(), files: Vec::new(), fault: None }
    }
}

impl Batch {
    pub fn create(self, collection: &str, body: &(impl Serialize + ?Sized)) -> Self {
        self.add(Method::POST, collection, None, body)
    }

    pub fn update(self, collection: &str, id: &str, body: &(impl Serialize + ?Sized)) -> Self {
        self.add(Method::PATCH, collection, Some(id), body)
    }

    /// Changes the record with the `id` of the body, or makes it.
    pub fn upsert(self, collection: &str, body: &(impl Serialize + ?Sized)) -> Self {
        self.add(Method::PUT, collection, None, body)
    }

    pub fn delete(self, collection: &str, id: &str) -> Self {
        self.add(Method::DELETE, collection, Some(id), &json!({}))
    }

    /// A file of the write that was added last. PocketBase only.
    pub fn file(mut self, file: File) -> Self {
        match self.requests.len().checked_sub(1) {
            Some(last) => self.files.push((format!("requests.{last}.{}", file.field), file)),
            None => self.fault = Some(Error::Invalid("there is no write yet that a file could be of".into())),
        }
        self
    }

    /// What each came to, in order. If one is refused all are, and the error has why in `data.requests`.
    pub async fn send(self) -> Result<Vec<BatchResult>, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let request = self.client.request(Method::POST, "api/batch");
        let body = json!({ "requests": self.requests });
        match self.files.is_empty() {
            true => request.json(&body).read().await,
            false => request.multipart(form(&body, self.files)?).read().await,
        }
    }

    fn add(
        mut self,
        method: Method,
        collection: &str,
        id: Option<&str>,
        body: &(impl Serialize + ?Sized),
    ) -> Self {
        match request(&method, collection, id, body) {
            Ok(request) => self.requests.push(request),
            // the first one is told
            Err(error) => self.fault = self.fault.or(Some(error)),
        }
        self
    }
}

fn request(
    method: &Method,
    collection: &str,
    id: Option<&str>,
    body: &(impl Serialize + ?Sized),
) -> Result<Json, Error> {
    let mut url = format!("/api/collections/{}/records", segment(collection)?);
    if let Some(id) = id {
        url = format!("{url}/{}", segment(id)?);
    }
    let body = serde_json::to_value(body).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(json!({ "method": method.as_str(), "url": url, "body": body }))
}

impl Collection {
    /// Changes the record with the `id` of the body, or makes it: a batch of one, which the server must allow. Options of this
    /// collection do not count.
    pub async fn upsert<T: DeserializeOwned>(&self, body: &(impl Serialize + ?Sized)) -> Result<T, Error> {
        let results = self.client.batch().upsert(&self.name, body).send().await?;
        let result = results.into_iter().next().map(|result| result.body).unwrap_or_default();
        let fault = |error: serde_json::Error| Error::Decode {
            url: format!("{}api/batch", self.client.inner.url),
            reason: error.to_string(),
        };
        serde_json::from_value(result).map_err(fault)
    }
}
