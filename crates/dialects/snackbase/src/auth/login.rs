use super::session::{self, Tokens};
use super::{ShownAccount, ShownUser, USERS, attempt, hook_refusal};
use crate::App;
use crate::asker;
use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::wire;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use tidewire_auth::PasswordError;
use tidewire_model::{Collection, Record, TenantId, Timestamp};
use tidewire_records::sign_in::{self, SignInError};
use tidewire_records::{Asker, user};
use tidewire_store::{Account, StoreError};

/// Seconds for which failures count.
const WINDOW: u64 = 60;

#[derive(Serialize)]
struct SignedIn {
    token: String,
    refresh_token: String,
    expires_in: i64,
    account: ShownAccount,
    user: ShownUser,
}

/// `POST /auth/login`
pub async fn login(mut call: Call) -> Result<Response, ApiError> {
    let mut form = call.form().await?;
    let named = form.optional_text("account").filter(|name| !name.trim().is_empty());
    let email = with_lower_domain(form.text("email").trim());
    let password = form.text("password");
    form.check()?;
    let Some(named) = named else {
        let text = "Account is required in multi-tenant mode";
        return Err(ApiError::validation(&[Detail::new("account", text, "required")]));
    };
    let (address, identity) = (call.address(), format!("{} {email}", named.trim()));
    if !call.app.attempts.begin(address, &identity, Timestamp::now()) {
        let text = "Too many failed login attempts. Try again later.";
        return Err(ApiError::too_many_requests(text, WINDOW));
    }
    let account = asker::find_account(&call.app, &named)?;
    let home = home(&call.app, account)?;
    let (tenant, collection) = match &home {
        Some(home) => (home.account.id.clone(), &*home.collection.name),
        None => (TenantId::default(), USERS),
    };
    let attempt = attempt(&call, &tenant, collection, &email, "password");
    let events = &call.app.events;
    events.sign_in(&attempt).await.map_err(|refusal| hook_refusal(&refusal))?;
    let (account, user) = authenticate(&call.app, home.as_ref(), &email, &password).await?;
    call.app.attempts.succeeded(address, &identity);
    events.signed_in(&attempt, &user);
    signed_in(&call.app, account, user).await
}

/// New tokens for a user who has proved who they are.
pub async fn signed_in(app: &App, account: &Account, user: Arc<Record>) -> Result<Response, ApiError> {
    let Tokens { token, refresh_token, expires_in } = session::open(app, user.clone()).await?;
    let (account, user) = (ShownAccount::of(account), ShownUser::of(&user));
    Ok(wire::ok(&SignedIn { token, refresh_token, expires_in, account, user }))
}

/// An account, and where its users are.
struct Home {
    account: Account,
    collection: Arc<Collection>,
    tenant: TenantId,
}

fn home(app: &App, account: Option<Account>) -> Result<Option<Home>, ApiError> {
    let Some(account) = account else { return Ok(None) };
    let home = app.store.read_here(|snapshot| Ok::<_, StoreError>(user::home(snapshot, &account.id)))?;
    Ok(home.map(|(collection, tenant)| Home { account, collection, tenant }))
}

/// The user of this address and password. Costs the same for unknown accounts and users.
async fn authenticate<'a>(
    app: &App,
    home: Option<&'a Home>,
    email: &str,
    password: &str,
) -> Result<(&'a Account, Arc<Record>), ApiError> {
    let wrong = || ApiError::not_authenticated("Invalid credentials");
    let Some(Home { account, collection, tenant }) = home else {
        return match app.passwords.verify(password, None).await {
            Err(PasswordError::Busy) => Err(PasswordError::Busy.into()),
            _ => Err(wrong()),
        };
    };
    let (tenant, method) = (tenant.clone(), "POST".to_owned());
    let asker = Asker { tenant, context: "password", method, ..Asker::default() };
    let found = sign_in::with_password(
        &app.store,
        &app.passwords,
        &asker,
        collection,
        email,
        password,
        Some("email"),
    );
    let user = found.await.map_err(|error| match error {
        SignInError::Busy => ApiError::too_many_requests("Too many sign-ins are waiting.", 1),
        SignInError::Record(error) => error.into(),
        _ => wrong(),
    })?;
    if !user.bool("verified") {
        let text = "Email not verified. Please check your email inbox.";
        return Err(ApiError::not_authenticated(text));
    }
    Ok((account, user))
}

fn with_lower_domain(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => email.to_owned(),
    }
}
