use super::slug::{free_slug, slug_fault};
use super::{ShownAccount, ShownUser, password};
use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::users;
use crate::wire;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use tidewire_model::Record;
use tidewire_records::user::{self, NewUser};
use tidewire_records::{Asker, RecordError, account};
use tidewire_store::{Account, Tx};

#[derive(Serialize)]
struct Registered {
    message: &'static str,
    user: ShownUser,
    account: ShownAccount,
}

/// `POST /auth/register`: an account and its first user. Without a mailer nobody could confirm an address, so it counts as
/// confirmed.
pub async fn register(mut call: Call) -> Result<Response, ApiError> {
    let mut form = call.form().await?;
    let email = form.email("email");
    let plain = form.text("password");
    let name = form.optional_text("account_name").unwrap_or_default().trim().to_owned();
    let slug = form.optional_text("account_slug").filter(|slug| !slug.is_empty());
    form.check()?;
    check(&name, slug.as_deref(), &plain)?;
    if let Some(slug) = &slug {
        let accounts = call.app.store.read_here(|snapshot| snapshot.accounts())?;
        if accounts.iter().any(|account| account.slug == *slug) {
            return Err(taken());
        }
    }
    let password = password::hashed(&call.app, plain).await?;
    let role = user::ADMIN.to_owned();
    let first = NewUser { email, password, role, verified: true, ..NewUser::default() };
    let (account, user) = call.app.store.write(move |tx| found(tx, &name, slug, &first)).await?;
    Ok(wire::created(&Registered {
        message: "Registration successful. You can sign in now.",
        user: ShownUser::of(&user),
        account: ShownAccount::of(&account),
    }))
}

fn check(name: &str, slug: Option<&str>, password: &str) -> Result<(), ApiError> {
    let mut faults = Vec::new();
    if name.is_empty() {
        faults.push(Detail::new("account_name", "Account name is required", "required"));
    }
    faults.extend(slug.and_then(slug_fault));
    faults.extend(password::faults(password));
    if faults.is_empty() { Ok(()) } else { Err(ApiError::validation(&faults)) }
}

fn found(
    tx: &mut Tx<'_>,
    name: &str,
    slug: Option<String>,
    first: &NewUser,
) -> Result<(Account, Arc<Record>), ApiError> {
    let slug = match slug {
        Some(slug) => slug,
        None => free_slug(name, &tx.accounts()?),
    };
    let account = account::create(tx, &slug, name, None).map_err(|error| match error {
        RecordError::Invalid(_) => taken(),
        other => other.into(),
    })?;
    let by = Asker { tenant: account.id.clone(), ..Asker::default() };
    let user = user::create(tx, &account.id, first, &by).map_err(users::refusal)?;
    Ok((account, user))
}

pub(super) fn taken() -> ApiError {
    ApiError::conflict("An account with this slug already exists", "account_slug")
}
