use crate::account::default_account;
use crate::collections::defaults;
use tidewire_model::field::{AutodateOptions, FileOptions, PasswordOptions, TextOptions};
use tidewire_model::{Collection, CollectionKind, Field, FieldKind, TenantId, Timestamp};
use tidewire_store::{Store, StoreError, Tx};

/// Rows of system collections belong to the record that they are about.
const OWN_RULE: &str =
    "@request.auth.id != '' && recordRef = @request.auth.id && collectionRef = @request.auth.collectionId";
const USERS_ID: &str = "_pb_users_auth_";
/// One day.
const SUPERUSER_TOKEN_SECONDS: i64 = 86_400;

/// Creates the system collections, `users` and the account `default` in a new store; leaves an old one as it is.
pub fn bootstrap(store: &Store) -> Result<(), StoreError> {
    let done = |accounts: &[tidewire_store::Account]| {
        accounts.iter().any(|account| account.id == TenantId::default())
    };
    if store.catalog().by_id(Collection::SUPERUSERS_ID).is_some()
        && done(&store.read_here(|snapshot| snapshot.accounts())?)
    {
        return Ok(());
    }
    store.write_blocking(move |tx| {
        if tx.catalog().by_id(Collection::SUPERUSERS_ID).is_none() {
            create_collections(tx)?;
        }
        if !done(&tx.accounts()?) {
            tx.save_account(&default_account())?;
        }
        Ok(())
    })
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
    let mut users = defaults::new(CollectionKind::Auth, "users", USERS_ID);
    let own: Option<Box<str>> = Some("id = @request.auth.id".into());
    let rules = &mut users.rules;
    (rules.list, rules.view, rules.update, rules.delete) = (own.clone(), own.clone(), own.clone(), own);
    rules.create = Some("".into());
    if let Some(auth) = &mut users.auth {
        auth.oauth2["mappedFields"]["name"] = "name".into();
        auth.oauth2["mappedFields"]["avatarURL"] = "avatar".into();
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

fn with_fields(mut collection: Collection, fields: impl IntoIterator<Item = Field>) -> Collection {
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

fn system_field(name: &str, kind: FieldKind) -> Field {
    Field { name: name.into(), system: true, kind, ..Field::default() }
}

fn autodates(system: bool) -> [Field; 2] {
    [("created", false), ("updated", true)].map(|(name, on_update)| Field {
        system,
        ..system_field(name, FieldKind::Autodate(AutodateOptions { on_create: true, on_update }))
    })
}
