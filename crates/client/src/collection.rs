use crate::path::segment;
use crate::request::Request;
use crate::{Auth, Client, Error, Pages};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// The records of one collection.
#[derive(Clone, Debug)]
pub struct Collection {
    pub(crate) client: Client,
    pub(crate) name: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

/// One page of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub page: u64,
    pub per_page: u64,
    /// -1 if it was not counted
    pub total_items: i64,
    /// -1 if it was not counted
    pub total_pages: i64,
    pub items: Vec<T>,
}

impl Collection {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name, query: Vec::new(), headers: Vec::new() }
    }

    /// A parameter of the address of the calls that follow; the last of a name counts.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.query.retain(|(known, _)| *known != name);
        self.query.push((name, value.into()));
        self
    }

    /// A header of the calls that follow.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Which records a list has; see [`crate::filter`] for values of others.
    pub fn filter(self, text: impl Into<String>) -> Self {
        self.query("filter", text)
    }

    /// The order of a list, e.g. `-created,id`.
    pub fn sort(self, text: impl Into<String>) -> Self {
        self.query("sort", text)
    }

    /// Relations whose records come along.
    pub fn expand(self, text: impl Into<String>) -> Self {
        self.query("expand", text)
    }

    /// The fields that answers have.
    pub fn fields(self, text: impl Into<String>) -> Self {
        self.query("fields", text)
    }

    /// Lists are not counted, which is faster.
    pub fn skip_total(self) -> Self {
        self.query("skipTotal", "1")
    }

    /// One record by its id.
    pub async fn get_one<T: DeserializeOwned>(&self, id: &str) -> Result<T, Error> {
        self.request(Method::GET, Some(id), &[])?.read().await
    }

    /// A page of records; pages count from 1.
    pub async fn get_list<T: DeserializeOwned>(&self, page: u64, per_page: u64) -> Result<Page<T>, Error> {
        let more = [("page".to_owned(), page.to_string()), ("perPage".to_owned(), per_page.to_string())];
        self.request(Method::GET, None, &more)?.read().await
    }

    /// The first record that a filter lets through, in the order of `sort`; an error with status 404 if there is none.
    pub async fn get_first<T: DeserializeOwned>(&self, filter: &str) -> Result<T, Error> {
        let page: Page<T> = self.clone().filter(filter).skip_total().get_list(1, 1).await?;
        page.items.into_iter().next().ok_or_else(|| Error::Response {
            status: 404,
            message: "The requested resource wasn't found.".into(),
            body: Json::Null,
            url: self.client.inner.url.join(&self.name).map(String::from).unwrap_or_default(),
            retry_after: None,
        })
    }

    /// All records, as a stream that asks for one page after the other, by id: what is made or deleted meanwhile
    /// moves no other record. `sort` is not looked at, and `fields` must have `id`.
    pub fn all<T: DeserializeOwned + Send + 'static>(&self) -> Pages<T> {
        Pages::new(self.clone())
    }

    /// All records at once: [`Collection::all`], collected.
    pub async fn get_full_list<T: DeserializeOwned + Send + 'static>(&self) -> Result<Vec<T>, Error> {
        let (mut pages, mut records) = (self.all(), Vec::new());
        while let Some(record) = pages.next().await {
            records.push(record?);
        }
        Ok(records)
    }

    /// Makes a record.
    pub async fn create<T: DeserializeOwned>(&self, body: &(impl Serialize + ?Sized)) -> Result<T, Error> {
        self.request(Method::POST, None, &[])?.json(body).read().await
    }

    /// Changes those fields of a record that the body has.
    pub async fn update<T: DeserializeOwned>(
        &self,
        id: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, Error> {
        self.request(Method::PATCH, Some(id), &[])?.json(body).read().await
    }

    /// Deletes a record.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.request(Method::DELETE, Some(id), &[])?.send().await.map(drop)
    }

    /// Signs in and keeps the token. Where a second factor is wanted the error has status 401 and `mfaId` in its body: sign in
    /// another way as well, with `query("mfaId", …)`.
    pub async fn auth_with_password(&self, identity: &str, password: &str) -> Result<Auth, Error> {
        let request = self.call(Method::POST, "auth-with-password")?;
        let body = json!({ "identity": identity, "password": password });
        self.keep(request.token(String::new()).json(&body).read().await?)
    }

    /// A new token for who is signed in. A token that the server does not know any more (401) is forgotten.
    pub async fn auth_refresh(&self) -> Result<Auth, Error> {
        let token = self.client.auth().token();
        let request = self.call(Method::POST, "auth-refresh")?.token(token.clone());
        // somebody else may have signed in meanwhile
        let store = self.client.auth();
        match request.read::<Auth>().await {
            Ok(auth) => store.save_after(&token, auth.clone()).map(|()| auth),
            Err(error) if error.status() == Some(401) => {
                store.save_after(&token, Auth::default())?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// How one can sign in.
    pub async fn auth_methods(&self) -> Result<Json, Error> {
        self.call(Method::GET, "auth-methods")?.read().await
    }

    pub(crate) fn keep(&self, auth: Auth) -> Result<Auth, Error> {
        self.client.auth().save(auth.clone())?;
        Ok(auth)
    }

    pub(crate) fn call(&self, method: Method, name: &str) -> Result<Request, Error> {
        let path = format!("api/collections/{}/{name}", segment(&self.name)?);
        Ok(self.with_options(self.client.request(method, &path), &[]))
    }

    pub(crate) fn request(
        &self,
        method: Method,
        id: Option<&str>,
        more: &[(String, String)],
    ) -> Result<Request, Error> {
        let mut path = format!("api/collections/{}/records", segment(&self.name)?);
        if let Some(id) = id {
            path = format!("{path}/{}", segment(id)?);
        }
        Ok(self.with_options(self.client.request(method, &path), more))
    }

    fn with_options(&self, request: Request, more: &[(String, String)]) -> Request {
        let request = request.query(&self.query).query(more);
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    pub(crate) fn filter_text(&self) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == "filter").map(|(_, text)| text.as_str())
    }
}
