use crate::path::segment;
use crate::{Client, Collection, Error, Record};
use bytes::Bytes;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

/// A file to be sent. Tidewire keeps no files yet and refuses it; PocketBase takes it.
#[derive(Clone, Debug)]
pub struct File {
    pub(crate) field: String,
    name: String,
    bytes: Bytes,
    mime: Option<String>,
}

impl File {
    /// The bytes of a file for this field, which may have a modifier: `documents+` adds it to those that are there.
    pub fn new(field: impl Into<String>, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { field: field.into(), name: name.into(), bytes: bytes.into(), mime: None }
    }

    /// What it is, e.g. `image/png`.
    pub fn mime(mut self, mime: impl Into<String>) -> Self {
        self.mime = Some(mime.into());
        self
    }
}

impl Collection {
    /// Makes a record with files. PocketBase only.
    pub async fn create_with_files<T: DeserializeOwned>(
        &self,
        body: &(impl Serialize + ?Sized),
        files: Vec<File>,
    ) -> Result<T, Error> {
        self.request(Method::POST, None, &[])?.multipart(form(body, named(files))?).read().await
    }

    /// Changes a record with files. PocketBase only.
    pub async fn update_with_files<T: DeserializeOwned>(
        &self,
        id: &str,
        body: &(impl Serialize + ?Sized),
        files: Vec<File>,
    ) -> Result<T, Error> {
        self.request(Method::PATCH, Some(id), &[])?.multipart(form(body, named(files))?).read().await
    }
}

impl Client {
    /// The address of a file of a record; `?thumb=100x100`, `?download=1` and `?token=` of [`Client::file_token`] may be added.
    pub fn file_url(&self, record: &Record, name: &str) -> Result<String, Error> {
        let collection = segment(&record.collection_id)?;
        let (id, name) = (segment(&record.id)?, segment(name)?);
        Ok(format!("{}api/files/{collection}/{id}/{name}", self.inner.url))
    }

    /// A token, good for minutes, with which files that are protected can be read.
    pub async fn file_token(&self) -> Result<String, Error> {
        let answer: Json = self.request(Method::POST, "api/files/token").json(&json!({})).read().await?;
        Ok(answer["token"].as_str().unwrap_or_default().to_owned())
    }
}

fn named(files: Vec<File>) -> Vec<(String, File)> {
    files.into_iter().map(|file| (file.field.clone(), file)).collect()
}

/// Other fields go as one JSON text, so that they keep their types.
pub(crate) fn form(body: &(impl Serialize + ?Sized), files: Vec<(String, File)>) -> Result<Form, Error> {
    let body = serde_json::to_string(body).map_err(|error| Error::Invalid(error.to_string()))?;
    files.into_iter().try_fold(Form::new().text("@jsonPayload", body), |form, (field, file)| {
        let length = file.bytes.len() as u64;
        let mut part = Part::stream_with_length(file.bytes, length).file_name(file.name);
        if let Some(mime) = file.mime {
            part = part.mime_str(&mime).map_err(|_| Error::Invalid(format!("no type of files: {mime:?}")))?;
        }
        Ok(form.part(field, part))
    })
}
