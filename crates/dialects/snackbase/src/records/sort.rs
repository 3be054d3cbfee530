//! Sort lists: `+x` ascending, `-x` and a bare `x` descending.

use tidewire_model::{Collection, Field, FieldKind};

/// Keys of one sort list.
const KEYS_MAX: usize = 6;

/// One field and its direction.
#[derive(Clone, Copy, Debug)]
pub struct SortKey<'a> {
    pub field: &'a Field,
    pub descending: bool,
}

/// The list in the form of `tidewire_rules::Sort`; what cannot be sorted by is left out. Newest first if nothing is left.
pub fn list(collection: &Collection, text: &str) -> String {
    let mut sort = String::new();
    let keys = keys(collection, text);
    for key in &keys {
        // records are made in the order of their times, and the store knows them by that order
        let name = if is_time_of_creation(key.field) { "@rowid" } else { &key.field.name };
        sort.push_str(if key.descending { "-" } else { "" });
        sort.push_str(name);
        sort.push(',');
        if name == "@rowid" {
            break;
        }
    }
    let newest_first = keys.first().is_none_or(|key| key.descending);
    if !sort.ends_with("@rowid,") {
        sort.push_str(if newest_first { "-@rowid," } else { "@rowid," });
    }
    sort.trim_end_matches(',').to_owned()
}

/// What cursors go by: the first key, or the time of creation.
pub fn first<'a>(collection: &'a Collection, text: &str) -> Option<SortKey<'a>> {
    let by_time = || {
        let field = collection.fields.iter().find(|field| is_time_of_creation(field))?;
        Some(SortKey { field, descending: true })
    };
    keys(collection, text).into_iter().next().or_else(by_time)
}

fn keys<'a>(collection: &'a Collection, text: &str) -> Vec<SortKey<'a>> {
    let items = text.split(',').map(str::trim).take(KEYS_MAX);
    let keys = items.filter_map(|item| {
        let (name, descending) = match item.strip_prefix('+') {
            Some(name) => (name, false),
            None => (item.strip_prefix('-').unwrap_or(item), true),
        };
        let field = collection.field(name).or_else(|| other_name(collection, name))?;
        (!field.hidden).then_some(SortKey { field, descending })
    });
    keys.collect()
}

/// The times of PocketBase's collections go by other names.
fn other_name<'a>(collection: &'a Collection, name: &str) -> Option<&'a Field> {
    let field = collection.field(match name {
        "created_at" => "created",
        "updated_at" => "updated",
        _ => return None,
    })?;
    matches!(field.kind, FieldKind::Autodate(_)).then_some(field)
}

fn is_time_of_creation(field: &Field) -> bool {
    matches!(&field.kind, FieldKind::Autodate(options) if options.on_create && !options.on_update)
        && matches!(&*field.name, "created_at" | "created")
}
