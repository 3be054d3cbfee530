//! A list of fields in which ids are unique and everybody has one.

use super::defaults::checksum;
use tidewire_model::Field;

/// Adds a field. One with an id replaces the field with that id; one without replaces the field with its name, or gets
/// an id made of its type and name.
pub(super) fn add(list: &mut Vec<Field>, mut field: Field) {
    let same = if field.id.is_empty() {
        list.iter().position(|old| !field.name.is_empty() && old.name == field.name)
    } else {
        list.iter().position(|old| old.id == field.id)
    };
    match same {
        Some(index) => {
            field.id = list[index].id.clone();
            list[index] = field;
        }
        None => {
            if field.id.is_empty() {
                field.id = unused_id(list, &field);
            }
            list.push(field);
        }
    }
}

/// The same for a whole list.
pub(super) fn collect(fields: impl IntoIterator<Item = Field>) -> Vec<Field> {
    let mut list = Vec::new();
    for field in fields {
        add(&mut list, field);
    }
    list
}

pub(super) fn by_name<'a>(list: &'a [Field], name: &str) -> Option<&'a Field> {
    list.iter().find(|field| &*field.name == name)
}

pub(super) fn by_id<'a>(list: &'a [Field], id: &str) -> Option<&'a Field> {
    list.iter().find(|field| &*field.id == id)
}

fn unused_id(list: &[Field], field: &Field) -> Box<str> {
    let base = format!("{}{}", field.kind.type_name(), checksum(&field.name));
    let mut id = base.clone();
    let mut number = 2;
    while by_id(list, &id).is_some() {
        id = format!("{base}{number}");
        number += 1;
    }
    id.into()
}
