use crate::path::segment;
use crate::request::Request;
use crate::{Client, Error, Page};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// Definitions of collections. For superusers.
#[derive(Clone, Debug)]
pub struct Collections {
    client: Client,
}

/// Settings of the server. For superusers.
#[derive(Clone, Debug)]
pub struct Settings {
    client: Client,
}

impl Client {
    /// Definitions of collections. For superusers.
    pub fn collections(&self) -> Collections {
        Collections { client: self.clone() }
    }

    /// Settings of the server. For superusers.
    pub fn settings(&self) -> Settings {
        Settings { client: self.clone() }
    }

    /// How the server is.
    pub async fn health(&self) -> Result<Json, Error> {
        self.request(Method::GET, "api/health").read().await
    }

    /// Says something to all who are subscribed to a custom topic. Tidewire only: a real PocketBase answers 404.
    pub async fn publish(&self, topic: &str, data: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let data = serde_json::to_value(data).map_err(|error| Error::Invalid(error.to_string()))?;
        let body = json!({ "topic": topic, "data": data });
        self.request(Method::POST, "api/pubsub/publish").json(&body).send().await.map(drop)
    }
}

impl Collections {
    /// A page of them; pages count from 1.
    pub async fn get_list(&self, page: u64, per_page: u64) -> Result<Page<Json>, Error> {
        let query = [("page".to_owned(), page.to_string()), ("perPage".to_owned(), per_page.to_string())];
        self.request(Method::GET, "").query(&query).read().await
    }

    /// One by its name or id.
    pub async fn get_one(&self, name: &str) -> Result<Json, Error> {
        self.one(Method::GET, name)?.read().await
    }

    pub async fn create(&self, definition: &(impl Serialize + ?Sized)) -> Result<Json, Error> {
        self.request(Method::POST, "").json(definition).read().await
    }

    /// Changes what the definition has; `fields` replace all fields, whose data is dropped if they are missing.
    pub async fn update(&self, name: &str, definition: &(impl Serialize + ?Sized)) -> Result<Json, Error> {
        self.one(Method::PATCH, name)?.json(definition).read().await
    }

    /// Deletes a collection with all its records.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        self.one(Method::DELETE, name)?.send().await.map(drop)
    }

    /// Deletes all records.
    pub async fn truncate(&self, name: &str) -> Result<(), Error> {
        self.request(Method::DELETE, &format!("/{}/truncate", segment(name)?)).send().await.map(drop)
    }

    /// Makes or changes many at once; `delete_missing` deletes those that are not among them.
    pub async fn import(&self, definitions: &[Json], delete_missing: bool) -> Result<(), Error> {
        let body = json!({ "collections": definitions, "deleteMissing": delete_missing });
        self.request(Method::PUT, "/import").json(&body).send().await.map(drop)
    }

    fn one(&self, method: Method, name: &str) -> Result<Request, Error> {
        Ok(self.request(method, &format!("/{}", segment(name)?)))
    }

    fn request(&self, method: Method, path: &str) -> Request {
        self.client.request(method, &format!("api/collections{path}"))
    }
}

impl Settings {
    pub async fn get(&self) -> Result<Json, Error> {
        self.client.request(Method::GET, "api/settings").read().await
    }

    /// Changes what the body has; all of them afterwards.
    pub async fn update(&self, body: &(impl Serialize + ?Sized)) -> Result<Json, Error> {
        self.client.request(Method::PATCH, "api/settings").json(body).read().await
    }
}
