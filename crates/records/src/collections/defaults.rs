//! What every collection has, whether its maker said so or not.

use super::{auth_options, fields, index};
use crate::user;
use tidewire_model::field::{DomainOptions, JsonOptions, PasswordOptions, TextOptions};
use tidewire_model::{Catalog, Collection, CollectionKind, Field, FieldKind};

const ID_PATTERN: &str = "^[a-z0-9]+$";
/// SQLite and PocketBase both manage longer names; no one wants to read them.
const INDEX_NAME_BYTES_MAX: usize = 64;

/// An empty definition of a kind with its default fields and options.
pub(crate) fn new(kind: CollectionKind, name: &str, id: &str) -> Collection {
    let mut collection = Collection::default();
    collection.kind = kind;
    collection.name = name.into();
    collection.id = id.into();
    if kind == CollectionKind::Auth {
        collection.auth = Some(auth_options::new());
    }
    complete(&mut collection);
    collection
}

pub(crate) fn checksum(text: &str) -> u32 {
    crc32fast::hash(text.as_bytes())
}

/// The id of a collection that was not given one, with a number if it is taken already.
pub(super) fn unused_id(catalog: &Catalog, kind: CollectionKind, name: &str) -> String {
    let base = generated_id(kind, name);
    let mut id = base.clone();
    let mut number = 2;
    while catalog.by_id(&id).is_some() {
        id = format!("{base}{number}");
        number += 1;
    }
    id
}

pub(crate) fn generated_id(kind: CollectionKind, name: &str) -> String {
    format!("pbc_{}", checksum(&format!("{}{name}", kind.as_str())))
}

/// Adds missing system fields and indexes, and restores what may not be changed of them.
pub(crate) fn complete(collection: &mut Collection) {
    if collection.kind != CollectionKind::View {
        complete_id(&mut collection.fields);
    }
    if collection.kind == CollectionKind::Auth {
        complete_auth_fields(&mut collection.fields);
        if collection.is_users() {
            complete_member_fields(&mut collection.fields);
        }
        complete_auth_indexes(collection);
    }
    collection.index_fields();
}

fn complete_id(list: &mut Vec<Field>) {
    let text = list.iter_mut().find(|field| &*field.name == "id").and_then(|field| match &mut field.kind {
        FieldKind::Text(options) => {
            Some((&mut field.system, &mut field.required, &mut field.hidden, options))
        }
        _ => None,
    });
    if let Some((system, required, hidden, options)) = text {
        (*system, *required, *hidden) = (true, true, false);
        options.primary_key = true;
        if options.pattern.is_empty() {
            options.pattern = ID_PATTERN.into();
        }
        return;
    }
    *list = fields::collect(std::iter::once(id_field()).chain(std::mem::take(list)));
}

fn id_field() -> Field {
    let options = TextOptions {
        min: 15,
        max: 15,
        pattern: ID_PATTERN.into(),
        autogenerate_pattern: "[a-z0-9]{15}".into(),
        primary_key: true,
    };
    Field {
        name: "id".into(),
        system: true,
        required: true,
        kind: FieldKind::Text(options),
        ..Field::default()
    }
}

/// Fields of the right type are kept as they are but for these flags; others are replaced.
fn complete_auth_fields(list: &mut Vec<Field>) {
    for default in auth_fields() {
        let same = |field: &&mut Field| {
            field.name == default.name && field.kind.type_name() == default.kind.type_name()
        };
        match list.iter_mut().find(same) {
            Some(field) => {
                field.system = true;
                match &*default.name {
                    "password" | "tokenKey" => (field.hidden, field.required) = (true, true),
                    "email" => field.hidden = false,
                    _ => {}
                }
            }
            None => fields::add(list, default),
        }
    }
}

fn auth_fields() -> [Field; 5] {
    let system = |name: &str, kind| Field { name: name.into(), system: true, kind, ..Field::default() };
    let secret = |name: &str, kind| Field { hidden: true, required: true, ..system(name, kind) };
    let token_key = TextOptions {
        min: 30,
        max: 60,
        autogenerate_pattern: "[a-zA-Z0-9]{50}".into(),
        ..TextOptions::default()
    };
    [
        secret("password", FieldKind::Password(PasswordOptions { min: 8, ..PasswordOptions::default() })),
        secret("tokenKey", FieldKind::Text(token_key)),
        Field { required: true, ..system("email", FieldKind::Email(DomainOptions::default())) },
        system("emailVisibility", FieldKind::Bool {}),
        system("verified", FieldKind::Bool {}),
    ]
}

/// What a user is in an account: nobody but superusers and the server itself sees or sets it.
fn complete_member_fields(list: &mut Vec<Field>) {
    for default in member_fields() {
        match list.iter_mut().find(|field| field.name == default.name) {
            Some(field) => *field = Field { id: field.id.clone(), ..default },
            None => fields::add(list, default),
        }
    }
}

fn member_fields() -> [Field; 3] {
    [
        (user::ROLE, FieldKind::default()),
        (user::GROUPS, FieldKind::Json(JsonOptions::default())),
        (user::DISABLED, FieldKind::Bool {}),
    ]
    .map(|(name, kind)| Field {
        name: name.into(),
        system: true,
        hidden: true,
        kind,
        ..Field::default()
    })
}

fn complete_auth_indexes(collection: &mut Collection) {
    for (field, condition) in [("tokenKey", ""), ("email", " WHERE `email` != ''")] {
        if index::unique_on(&collection.indexes, field).is_some() {
            continue;
        }
        let name = format!("idx_{field}_{}", collection.id);
        let name = &name[..name.floor_char_boundary(INDEX_NAME_BYTES_MAX)];
        let table = &collection.name;
        let sql = format!("CREATE UNIQUE INDEX `{name}` ON `{table}` (`{field}`){condition}");
        collection.indexes.push(sql.into());
    }
}
