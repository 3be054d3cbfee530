//! Who sends a request, and in which account.

use crate::App;
use crate::error::ApiError;
use crate::token::{self, TokenFault};
use axum::extract::ConnectInfo;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tidewire_model::{Identity, Language, Principal, TenantId};
use tidewire_records::{Asker, account, user};
use tidewire_store::Account;

const API_KEY_HEADER: &str = "x-api-key";
/// By which a guest names an account.
const ACCOUNT_HEADER: &str = "x-account-id";

/// Who sends a request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    /// where the caller works; none for a guest who named no account
    pub account: Option<TenantId>,
}

impl Caller {
    pub fn signed_in(identity: Identity) -> Self {
        let account = Some(identity.tenant.clone());
        Self { principal: Principal::Known(Arc::new(identity)), account }
    }

    pub fn is_superadmin(&self) -> bool {
        self.principal.is_superuser()
    }

    /// Whoever has shown a token.
    pub fn identity(&self) -> Result<&Arc<Identity>, ApiError> {
        let missing = || ApiError::unauthorized("Missing authentication credentials");
        self.principal.identity().ok_or_else(missing)
    }

    pub fn require_superadmin(&self) -> Result<&Arc<Identity>, ApiError> {
        let identity = self.identity()?;
        if identity.superuser { Ok(identity) } else { Err(ApiError::forbidden("Superadmin access required")) }
    }

    /// The account that the caller works in.
    pub fn tenant(&self) -> Result<&TenantId, ApiError> {
        let text = "X-Account-ID header is required for unauthenticated requests";
        self.account.as_ref().ok_or_else(|| ApiError::detail(StatusCode::BAD_REQUEST, text))
    }

    /// What `created_by` says.
    pub fn author(&self) -> &str {
        match self.principal.id() {
            "" => "anonymous",
            id => id,
        }
    }

    /// "" for a guest.
    pub fn role(&self) -> &str {
        self.principal.record().map_or("", |record| user::role(record))
    }

    /// The caller as rules see it, working in `tenant`.
    pub fn asker(&self, tenant: &TenantId, method: &str) -> Asker {
        Asker {
            principal: self.principal.clone(),
            tenant: tenant.clone(),
            language: Language::SnackBase,
            context: "default",
            method: method.to_owned(),
            ..Asker::default()
        }
    }
}

/// Whoever shows a token is that user; a wrong token is refused. Others are guests of the account that they name.
pub fn caller(app: &App, parts: &Parts) -> Result<Caller, ApiError> {
    if let Some(token) = token(&parts.headers) {
        return token::identify(app, &token).map(Caller::signed_in).map_err(refusal);
    }
    let account = match text(&parts.headers, ACCOUNT_HEADER) {
        None | Some("") => None,
        Some(name) => {
            let found = find_account(app, name)?;
            let missing = || ApiError::detail(StatusCode::NOT_FOUND, "Account not found");
            Some(found.ok_or_else(missing)?.id)
        }
    };
    Ok(Caller { principal: Principal::Guest, account })
}

/// `Authorization: Bearer`, else `X-API-Key`. `None`: no credentials of a form that is known.
pub fn token(headers: &HeaderMap) -> Option<String> {
    let bearer = text(headers, header::AUTHORIZATION.as_str()).and_then(bearer);
    let key = || text(headers, API_KEY_HEADER).map(str::trim).filter(|key| !key.is_empty());
    bearer.or_else(key).map(str::to_owned)
}

/// By code in any case, or by slug; an id does not name an account here.
pub fn find_account(app: &App, name: &str) -> Result<Option<Account>, ApiError> {
    let name = name.trim();
    let found = app.store.read_here(|snapshot| account::find(snapshot, &name.to_lowercase()))?;
    Ok(found.filter(|account| account.id.as_str() != name || account.slug == name))
}

/// The address of the peer; unspecified if the server did not tell.
pub fn address(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical())
}

pub fn refusal(fault: TokenFault) -> ApiError {
    match fault {
        TokenFault::Missing => ApiError::unauthorized("Missing authentication credentials"),
        TokenFault::Invalid => ApiError::unauthorized("Invalid token"),
        TokenFault::Expired => ApiError::unauthorized("Token has expired"),
        TokenFault::Store => ApiError::internal(),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
