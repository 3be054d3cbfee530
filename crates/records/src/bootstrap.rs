use crate::account::{default_account, system_account};
use crate::collections::defaults;
use crate::{internal, user};
use tidewire_model::field::{AutodateOptions, FileOptions, PasswordOptions, TextOptions};
use tidewire_model::{Catalog, Collection, CollectionKind, Field, FieldKind, Timestamp};
use tidewire_store::{Account, Store, StoreError, Tx};

/// Rows of system collections belong to the record that they are about.
const OWN_RULE: &str =
    "@request.auth.id != '' && recordRef = @request.auth.id && collectionRef = @request.auth.collectionId";
/// One day.
const SUPERUSER_TOKEN_SECONDS: i64 = 86_400;

/// Creates what a store needs from the start, and in an old one what it lacks of it; all else is left as it is.
pub fn bootstrap(store: &Store) -> Result<(), StoreError> {
    let catalog = store.catalog();
    let is_complete = store.read_here(|snapshot| {
        Ok::<_, StoreError>(
            has_collections(&catalog)
                && missing_accounts(&snapshot.accounts()?).is_empty()
                && internal::is_ready(snapshot)?,
        )
    });
    if is_complete? {
        return Ok(());
    }
    store.write_blocking(|tx| {
        if tx.catalog().by_id(Collection::SUPERUSERS_ID).is_none() {
            create_collections(tx)?;
        }
        complete_users(tx)?;
        for account in missing_accounts(&tx.accounts()?) {
            tx.save_account(&account)?;
        }
        internal::prepare(tx)
    })
}

fn has_collections(catalog: &Catalog) -> bool {
    catalog.by_id(Collection::SUPERUSERS_ID).is_some()
        && catalog.by_id(Collection::USERS_ID).is_none_or(|users| users.field(user::DISABLED).is_some())
}

fn missing_accounts(accounts: &[Account]) -> Vec<Account> {
    let is_missing = |wanted: &Account| accounts.iter().all(|account| account.id != wanted.id);
    [default_account(accounts), system_account()].into_iter().filter(is_missing).collect()
}

/// Users of a folder that was made before they had roles and groups.
fn complete_users(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let Some(users) = tx.catalog().by_id(Collection::USERS_ID).cloned() else { return Ok(()) };
    if users.is_auth() && users.field(user::DISABLED).is_none() {
        let mut users = Collection::clone(&users);
        defaults::complete(&mut users);
        tx.save_collection(users)?;
    }
    Ok(())
}

fn create_collections(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    for collection in collections() {
        tx.save_collection(collection)?;
    }
    Ok(())
}

/// The collections of a new store, in their order.
pub(crate) fn collections() -> [Collection; 6] {
    [mfas(), otps(), external_auths(), auth_origins(), superusers(), users()]
}

fn mfas() -> Collection {
    let fields = vec![reference("collectionRef"), reference("recordRef"), reference("method")];
    let mut mfas = system("_mfas", fields);
    mfas.indexes =
        vec!["CREATE INDEX `idx_mfas_collectionRef_recordRef` ON `_mfas` (collectionRef,recordRef)".into()];
    mfas
}

fn otps() -> Collection {
    let password = FieldKind::Password(PasswordOptions { cost: 8, ..PasswordOptions::default() });
    let hidden = |name: &str, kind, required| Field { hidden: true, required, ..system_field(name, kind) };
    let fields = vec![
        reference("collectionRef"),
        reference("recordRef"),
        hidden("password", password, true),
        hidden("sentTo", FieldKind::default(), false),
    ];
    let mut otps = system("_otps", fields);
    otps.indexes =
        vec!["CREATE INDEX `idx_otps_collectionRef_recordRef` ON `_otps` (collectionRef, recordRef)".into()];
    otps
}

fn external_auths() -> Collection {
    let names = ["collectionRef", "recordRef", "provider", "providerId"];
    let mut auths = system("_externalAuths", names.map(reference).to_vec());
    auths.rules.delete = Some(OWN_RULE.into());
    auths.indexes = vec![
        "CREATE UNIQUE INDEX `idx_externalAuths_record_provider` ON `_externalAuths` (collectionRef, recordRef, provider)".into(),
        "CREATE UNIQUE INDEX `idx_externalAuths_collection_provider` ON `_externalAuths` (collectionRef, provider, providerId)".into(),
    ];
    auths
}

fn auth_origins() -> Collection {
    let names = ["collectionRef", "recordRef", "fingerprint"];
    let mut origins = system("_authOrigins", names.map(reference).to_vec());
    origins.rules.delete = Some(OWN_RULE.into());
    origins.indexes = vec![
        "CREATE UNIQUE INDEX `idx_authOrigins_unique_pairs` ON `_authOrigins` (collectionRef, recordRef, fingerprint)".into(),
    ];
    origins
}

fn superusers() -> Collection {
    let mut superusers =
        defaults::new(CollectionKind::Auth, Collection::SUPERUSERS, Collection::SUPERUSERS_ID);
    superusers.system = true;
    if let Some(auth) = &mut superusers.auth {
        auth.auth_token.duration = SUPERUSER_TOKEN_SECONDS;
    }
    with_fields(superusers, autodates(true))
}

fn users() -> Collection {
    let mut users = defaults::new(CollectionKind::Auth, "users", Collection::USERS_ID);
    let own: Option<Box<str>> = Some("id = @request.auth.id".into());
    let rules = &mut users.rules;
    (rules.list, rules.view, rules.update, rules.delete) = (own.clone(), own.clone(), own.clone(), own);
    rules.create = Some("".into());
    if let Some(auth) = &mut users.auth {
        auth.oauth2.mapped_fields.name = "name".into();
        auth.oauth2.mapped_fields.avatar_url = "avatar".into();
    }
    let name = FieldKind::Text(TextOptions { max: 255, ..TextOptions::default() });
    let images = ["jpeg", "png", "svg+xml", "gif", "webp"];
    let avatar = FieldKind::File(FileOptions {
        max_select: 1,
        mime_types: Some(images.map(|kind| format!("image/{kind}").into()).to_vec()),
        ..FileOptions::default()
    });
    let named = |name: &str, kind| Field { name: name.into(), kind, ..Field::default() };
    let mut fields = vec![named("name", name), named("avatar", avatar)];
    fields.extend(autodates(false));
    with_fields(users, fields)
}

fn system(name: &str, fields: Vec<Field>) -> Collection {
    let id = defaults::generated_id(CollectionKind::Base, name);
    let mut collection = defaults::new(CollectionKind::Base, name, &id);
    collection.system = true;
    collection.rules.list = Some(OWN_RULE.into());
    collection.rules.view = Some(OWN_RULE.into());
    with_fields(collection, fields.into_iter().chain(autodates(true)))
}

pub(crate) fn with_fields(mut collection: Collection, fields: impl IntoIterator<Item = Field>) -> Collection {
    for mut field in fields {
        field.id = format!("{}{}", field.kind.type_name(), defaults::checksum(&field.name)).into();
        collection.fields.push(field);
    }
    collection.index_fields();
    let now = Timestamp::now().to_text();
    collection.created = now.as_str().into();
    collection.updated = now.into();
    collection
}

fn reference(name: &str) -> Field {
    Field { required: true, ..system_field(name, FieldKind::default()) }
}

pub(crate) fn system_field(name: &str, kind: FieldKind) -> Field {
    Field { name: name.into(), system: true, kind, ..Field::default() }
}

pub(crate) fn autodates(system: bool) -> [Field; 2] {
    [("created", false), ("updated", true)].map(|(name, on_update)| Field {
        system,
        ..system_field(name, FieldKind::Autodate(AutodateOptions { on_create: true, on_update }))
    })
}
