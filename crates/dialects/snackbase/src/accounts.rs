//! `/accounts`, for superadmins.

use crate::App;
use crate::auth::{free_slug, slug_fault};
use crate::call::Call;
use crate::error::{ApiError, Detail};
use crate::page::Paging;
use crate::users;
use crate::wire;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use tidewire_model::Timestamp;
use tidewire_records::account;
use tidewire_records::{RecordError, user};
use tidewire_rules::Query;
use tidewire_store::{Account, Snapshot, StoreError};

const NAME_LENGTH: (usize, usize) = (1, 255);

pub fn routes() -> Router<App> {
    Router::new()
        .route("/accounts", get(list).post(create))
        .route("/accounts/{id}", get(view).put(update).patch(update))
        .route("/accounts/{id}/users", get(users::list_of_account))
}

/// By id, for superadmins: the one place where an account goes by it.
pub fn by_id(snapshot: &Snapshot<'_>, id: &str) -> Result<Account, ApiError> {
    let found = snapshot.accounts()?.into_iter().find(|account| account.id.as_str() == id);
    found.ok_or_else(|| ApiError::not_found("Account not found"))
}

#[derive(Serialize)]
struct Shown {
    id: String,
    account_code: String,
    slug: String,
    name: String,
    created_at: String,
    updated_at: String,
    user_count: u64,
    status: &'static str,
}

async fn list(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let paging = Paging::of(&call)?;
    let search = call.query("search").unwrap_or_default().to_lowercase();
    let (by, order) = (call.query("sort_by").unwrap_or("created_at"), call.query("sort_order"));
    let mut accounts = call.app.store.read_here(|snapshot| snapshot.accounts())?;
    let is_named = |text: &str| text.to_lowercase().contains(&search);
    accounts.retain(|one| is_named(&one.name) || is_named(&one.slug) || is_named(&one.code));
    accounts.sort_by_cached_key(|one| match by {
        "name" => one.name.to_lowercase(),
        "slug" => one.slug.clone(),
        "account_code" => one.code.clone(),
        _ => one.created.clone(),
    });
    if order != Some("asc") {
        accounts.reverse();
    }
    let total = accounts.len() as u64;
    let page = paging.cut(accounts);
    let items = call.app.store.read(move |snapshot| {
        page.iter().map(|account| shown(snapshot, account)).collect::<Result<Vec<_>, StoreError>>()
    });
    Ok(wire::ok(&paging.page(items.await?, total)))
}

async fn view(call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let found = call.app.store.read_here(|snapshot| {
        let account = by_id(snapshot, call.param("id"))?;
        Ok::<_, ApiError>(shown(snapshot, &account)?)
    });
    Ok(wire::ok(&found?))
}

async fn create(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let mut form = call.form().await?;
    let name = form.sized_text("name", NAME_LENGTH.0, NAME_LENGTH.1);
    let slug = form.optional_text("slug").filter(|slug| !slug.is_empty());
    form.check()?;
    if let Some(fault) = slug.as_deref().and_then(slug_fault) {
        return Err(ApiError::validation(&[Detail { field: "slug".to_owned(), ..fault }]));
    }
    let created = call.app.store.write(move |tx| {
        let slug = match slug {
            Some(slug) => slug,
            None => free_slug(&name, &tx.accounts()?),
        };
        let account = account::create(tx, &slug, &name, None).map_err(|error| match error {
            RecordError::Invalid(_) => ApiError::conflict("An account with this slug already exists", "slug"),
            other => other.into(),
        })?;
        Ok::<_, ApiError>(shown(tx, &account)?)
    });
    Ok(wire::created(&created.await?))
}

async fn update(mut call: Call) -> Result<Response, ApiError> {
    call.superadmin()?;
    let id = call.param("id").to_owned();
    let mut form = call.form().await?;
    let name = form.sized_text("name", NAME_LENGTH.0, NAME_LENGTH.1);
    form.check()?;
    let updated = call.app.store.write(move |tx| {
        let account = Account { name, ..by_id(tx, &id)? };
        tx.save_account(&account)?;
        Ok::<_, ApiError>(shown(tx, &account)?)
    });
    Ok(wire::ok(&updated.await?))
}

fn shown(snapshot: &Snapshot<'_>, account: &Account) -> Result<Shown, StoreError> {
    let user_count = match user::home(snapshot, &account.id) {
        Some((users, tenant)) => snapshot.count(&Query::new(&users, &tenant, Timestamp::now()))?,
        None => 0,
    };
    Ok(Shown {
        id: account.id.to_string(),
        account_code: account.code.clone(),
        slug: account.slug.clone(),
        name: account.name.clone(),
        created_at: wire::naive_time(&account.created),
        updated_at: wire::naive_time(&account.created),
        user_count,
        status: "active",
    })
}
