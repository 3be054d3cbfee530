use crate::App;
use crate::body::{self, Object};
use crate::collection;
use crate::error::{ApiError, FORBIDDEN};
use crate::query::Query;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, RawPathParams, Request};
use http::request::Parts;
use http::{HeaderMap, header};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Identity, Principal, Record, TenantId, Timestamp};
use tidewire_records::key::Opened;
use tidewire_records::{Asker, account, app_user, sign_in};
use tidewire_store::{ApiKey, KeyKind};

/// One request with everything a handler needs of it.
pub struct Call {
    pub app: App,
    pub parts: Parts,
    pub query: Query,
    /// the project that the key opens
    pub project: Arc<Opened>,
    pub asker: Asker,
    path: Vec<(String, String)>,
    /// never locked: a body alone cannot be shared, and handlers hold on to the call while they wait
    body: Mutex<Body>,
}

/// What somebody wants to do with a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Create,
    Read,
    Update,
    Delete,
}

impl Call {
    /// A named part of the path, decoded.
    pub fn param(&self, name: &str) -> &str {
        self.path.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    pub fn tenant(&self) -> &TenantId {
        self.project.tenant()
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.app.store.catalog()
    }

    /// The name of the collection that the path or `?collection=` tells.
    pub fn collection_name(&self) -> &str {
        match self.param("collection") {
            "" => self.query.get("collection"),
            name => name,
        }
    }

    /// The collection of that name or id, if there is one.
    pub fn collection(&self) -> Option<Arc<Collection>> {
        collection::find(&self.catalog(), self.tenant(), self.collection_name())
    }

    /// The body as an object, read once.
    pub async fn object(&mut self) -> Result<Object, ApiError> {
        body::read(&self.parts, std::mem::take(self.body.get_mut())).await
    }

    /// The body as it comes.
    pub fn into_body(self) -> Body {
        self.body.into_inner()
    }

    /// What the key and the roles of the user allow; rules of typed collections come later.
    pub fn require(&self, deed: Deed, collection: Option<&Collection>) -> Result<(), ApiError> {
        if deed != Deed::Read {
            self.require_secret()?;
        }
        let covered = match collection {
            Some(collection) => self.project.covers_collection(collection),
            None => self.project.covers(self.collection_name(), ""),
        };
        if !covered {
            return Err(ApiError::forbidden("This API key is not valid for this collection"));
        }
        match collection.filter(|collection| collection.open) {
            Some(collection) if !permits(collection, deed, &self.asker.principal) => {
                Err(ApiError::forbidden(FORBIDDEN))
            }
            _ => Ok(()),
        }
    }

    /// A secret key alone is the project's owner, whom rules do not concern.
    pub fn is_owner(&self) -> bool {
        self.project.is_secret() && self.asker.principal.identity().is_none()
    }

    /// Addresses of users are for servers: the key that an app shows to everybody does not open them.
    pub fn sees_addresses(&self) -> bool {
        self.project.is_secret() || self.asker.is_superuser()
    }

    /// In whose name typed records are written: an owner writes as a superuser would.
    pub fn writer(&self) -> Asker {
        let asker = self.asker.clone();
        let catalog = self.catalog();
        let Some(superusers) = catalog.by_id(Collection::SUPERUSERS_ID).filter(|_| self.is_owner()) else {
            return asker;
        };
        let tenant = asker.tenant.clone();
        let record = Arc::new(Record::empty(superusers.clone(), TenantId::default()));
        let identity = Identity { record, superuser: true, tenant, expires_at: None };
        Asker { principal: Principal::Known(Arc::new(identity)), ..asker }
    }

    /// Superusers need no secret key.
    pub fn require_secret(&self) -> Result<(), ApiError> {
        if self.project.is_secret() || self.asker.is_superuser() {
            return Ok(());
        }
        Err(ApiError::forbidden("This API key is publishable: it can only watch and speak"))
    }

    /// The address of the peer; unspecified if the server did not tell.
    pub fn address(&self) -> IpAddr {
        let peer = self.parts.extensions.get::<ConnectInfo<SocketAddr>>();
        peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical())
    }
}

/// Whether the roles that an open collection asks for are there. Nobody named: everybody may.
pub fn permits(collection: &Collection, deed: Deed, principal: &Principal) -> bool {
    let permissions = &collection.permissions;
    let wanted = match deed {
        Deed::Create => &permissions.create,
        Deed::Read => &permissions.read,
        Deed::Update => &permissions.update,
        Deed::Delete => &permissions.delete,
    };
    if wanted.is_empty() || principal.is_superuser() {
        return true;
    }
    principal.record().is_some_and(|user| {
        let roles = app_user::roles(user);
        wanted.iter().any(|wanted| roles.contains(&&**wanted))
    })
}

/// Who a token names in this project; a wrong one, or one of another project, is nobody.
pub fn principal(app: &App, token: &str, tenant: &TenantId) -> Principal {
    if token.is_empty() {
        return Principal::Guest;
    }
    let principal = sign_in::principal(&app.store, token, tenant);
    let is_here = principal.identity().is_some_and(|identity| identity.tenant == *tenant);
    if is_here { principal } else { Principal::Guest }
}

impl FromRequest<App> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app).await;
        let path = path.map_err(|_| ApiError::not_found("Not Found"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let token = bearer(&parts.headers);
        let project = project(app, &parts, token)?;
        let principal = principal(app, token, project.tenant());
        let asker = Asker {
            principal,
            tenant: project.tenant().clone(),
            context: "default",
            method: parts.method.as_str().to_owned(),
            ..Asker::default()
        };
        Ok(Self { app: app.clone(), parts, query, project, asker, path, body: Mutex::new(body) })
    }
}

/// By the key; without one, by the token of a user: forms with files come without a key.
fn project(app: &App, parts: &Parts, token: &str) -> Result<Arc<Opened>, ApiError> {
    let refused = || ApiError::unauthorized("Invalid API key");
    let own_account = parts.uri.path().trim_end_matches('/') == "/auth-collections/user";
    match parts.headers.get("x-api-key") {
        Some(key) => {
            let key = key.to_str().map_err(|_| refused())?;
            app.keys.open(key)?.ok_or_else(refused)
        }
        None if own_account => by_token(app, token)?.ok_or_else(refused),
        None => Err(refused()),
    }
}

fn by_token(app: &App, token: &str) -> Result<Option<Arc<Opened>>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    let principal = sign_in::principal(&app.store, token, &TenantId::default());
    let Some(user) = principal.record().filter(|user| user.collection.owner.is_some()) else {
        return Ok(None);
    };
    let found = app.store.read_here(|snapshot| account::find(snapshot, user.tenant.as_str()))?;
    Ok(found.map(|account| {
        let key = ApiKey {
            id: String::new(),
            account: account.id.clone(),
            hash: String::new(),
            kind: KeyKind::Publishable,
            collections: Vec::new(),
            label: String::new(),
            created: Timestamp::default().to_text(),
        };
        Arc::new(Opened { account, key })
    }))
}

fn bearer(headers: &HeaderMap) -> &str {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match given.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => given,
    }
}
