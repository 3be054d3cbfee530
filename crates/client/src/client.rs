use crate::realtime::Realtime;
use crate::refresh::Refresh;
use crate::request::Request;
use crate::{AuthStore, Collection, Error, tls};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const RETRIES: u32 = 2;

/// A server, and who asks it. Clones share everything: the connections, the token, the realtime stream.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    /// ends with a slash
    pub(crate) url: Url,
    pub(crate) auth: AuthStore,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) refresh: Option<Refresh>,
    pub(crate) realtime: Realtime,
    /// of every request, sockets included
    pub(crate) headers: HeaderMap,
    /// for sockets
    pub(crate) socket_tls: Arc<ClientConfig>,
}

/// Settings of a client.
#[derive(Debug)]
pub struct ClientBuilder {
    url: String,
    auth: AuthStore,
    timeout: Duration,
    headers: Vec<(String, String)>,
    retries: u32,
    refresh: Option<Duration>,
    roots: Vec<String>,
}

impl Client {
    /// A client of the server at this address, e.g. `http://127.0.0.1:8090`, that keeps its token in memory.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        Self::builder(url).build()
    }

    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            auth: AuthStore::default(),
            timeout: TIMEOUT,
            headers: Vec::new(),
            retries: RETRIES,
            refresh: None,
            roots: Vec::new(),
        }
    }

    /// The records of a collection, by its name or id. Nothing is asked yet.
    pub fn collection(&self, name: impl Into<String>) -> Collection {
        Collection::new(self.clone(), name.into())
    }

    /// Who is signed in.
    pub fn auth(&self) -> &AuthStore {
        &self.inner.auth
    }

    /// The stream of events that all subscriptions of this client share.
    pub fn realtime(&self) -> &Realtime {
        &self.inner.realtime
    }

    /// The token, renewed if that is wanted and due.
    pub(crate) async fn fresh_token(&self) -> Result<String, Error> {
        if let Some(refresh) = &self.inner.refresh {
            refresh.renew(self).await?;
        }
        Ok(self.auth().token())
    }

    /// Any request to the server, signed with the token; `path` is below the address of the client, its segments encoded.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        Request::new(self, method, path)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.inner.url.as_str()).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Where the token and its record are kept.
    pub fn auth_store(mut self, store: AuthStore) -> Self {
        self.auth = store;
        self
    }

    /// How long an answer may take; 30 seconds unless told. Streams of events are not concerned.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A header of every request, e.g. `User-Agent`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How often a read whose connection was not had or broke is sent again before it fails; twice unless told, 0 for never. Each
    /// waits a random part of a bound: 100 ms, then twice as much each time, at most 2 s. Writes are never sent again, and neither is
    /// what the server answered, or took too long to answer.
    pub fn retries(mut self, times: u32) -> Self {
        self.retries = times;
        self
    }

    /// Renews the token so long before it ends, also while nothing but realtime goes on. A token that the server refuses then (401) is
    /// forgotten; if it cannot be asked, it is asked again after waits that grow. Tokens that cannot be renewed, as those of
    /// `impersonate`, are left alone.
    pub fn auto_refresh(mut self, before: Duration) -> Self {
        self.refresh = Some(before);
        self
    }

    /// Certificates in PEM, one or more, of authorities that are trusted beside the public ones.
    pub fn root_certificate(mut self, pem: impl Into<String>) -> Self {
        self.roots.push(pem.into());
        self
    }

    pub fn build(self) -> Result<Client, Error> {
        let url = base(&self.url)?;
        let tls = tls::config(&self.roots)?;
        let socket_tls = Arc::new(tls::without_http2(&tls));
        let headers = headers(&self.headers)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_TIMEOUT)
            .default_headers(headers.clone())
            .build()
            .map_err(|source| Error::Transport { url: url.to_string(), source })?;
        let Self { auth, timeout, retries, refresh, .. } = self;
        Ok(Client {
            inner: Arc::new_cyclic(|inner| Inner {
                http,
                url,
                auth,
                timeout,
                retries,
                refresh: refresh.map(Refresh::new),
                realtime: Realtime::new(inner.clone()),
                headers,
                socket_tls,
            }),
        })
    }
}

/// A folder, so that paths are put below it and not beside its last part.
fn base(text: &str) -> Result<Url, Error> {
    let mut url =
        Url::parse(text).map_err(|error| Error::Invalid(format!("{text:?} is no address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::Invalid(format!("{text:?} is neither http nor https")));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn headers(list: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        let fault = || Error::Invalid(format!("no header: {name:?}"));
        map.append(
            HeaderName::try_from(name).map_err(|_| fault())?,
            HeaderValue::try_from(value).map_err(|_| fault())?,
        );
    }
    Ok(map)
}
