//! Conditions of CocoBase filters: the function that decides, behind what an index can answer.

use super::Sql;
use crate::document::{Condition, DOCUMENT_TEST, Lookup, System, ValueForm, is_plain};
use crate::node::{At, Column};
use crate::query::SqlValue;
use tidewire_model::{Collection, FieldKind};

impl Sql<'_> {
    pub(super) fn document(&mut self, lookup: &Lookup, condition: &Condition) {
        self.necessary(lookup, condition);
        self.push(DOCUMENT_TEST);
        let mut test = String::new();
        match lookup {
            Lookup::Key { data, name, system } => {
                self.form(ValueForm::Json);
                if is_quotable(name) {
                    self.key_value(data, name, system.as_ref());
                } else {
                    self.column(At::Root, data);
                    test = names(name);
                }
            }
            Lookup::Field { field, path } => {
                self.form(form_of(field));
                self.column(At::Root, field);
                test = path.as_deref().map(names).unwrap_or_default();
            }
            Lookup::Constant(value) => {
                self.form(ValueForm::Text);
                let value = value.as_deref().map_or(SqlValue::Null, |text| SqlValue::Text(text.into()));
                self.param(value);
            }
        }
        self.push(", ");
        condition.write(&mut test);
        self.param(SqlValue::Text(test));
        self.push(")");
    }

    fn form(&mut self, form: ValueForm) {
        self.push(&format!("({}, ", form.code()));
    }

    /// A key of a document as JSON text, NULL if it is missing.
    fn key_value(&mut self, data: &Column, name: &str, system: Option<&System>) {
        let is_path = name.contains('.');
        if system.is_none() && !is_path {
            return self.arrow(data, &[name]);
        }
        self.push("COALESCE(");
        self.arrow(data, &[name]);
        if is_path {
            self.push(", ");
            self.arrow(data, &name.split('.').collect::<Vec<_>>());
        }
        match system {
            Some(System::Field(field)) => {
                self.push(", json_quote(");
                self.shown(field);
                self.push(")");
            }
            Some(System::Collection(id)) => {
                self.push(", json_quote(");
                self.param(SqlValue::Text(id.to_string()));
                self.push(")");
            }
            None => {}
        }
        self.push(")");
    }

    fn shown(&mut self, field: &Column) {
        if !matches!(field.field().kind, FieldKind::Autodate(_)) {
            return self.column(At::Root, field);
        }
        self.push("replace(substr(");
        self.column(At::Root, field);
        self.push(", 1, 23), ' ', 'T') || '000+00:00'");
    }

    fn arrow(&mut self, data: &Column, names: &[&str]) {
        self.push("(");
        self.column(At::Root, data);
        self.push(" -> ");
        self.push(&path_literal(names));
        self.push(")");
    }

    /// The scalar value of a key, in just the words of the index that may have been made for it.
    pub(super) fn document_key(&mut self, at: At, data: &Column, key: &str) {
        let before = self.out.split_off(0);
        self.column(at, data);
        let column = std::mem::replace(&mut self.out, before);
        self.push(&key_expression(&column, key));
    }

    /// What must hold of a value that equals a constant, so that an index can find it. Lists are texts that begin with
    /// a bracket; which of them have the element is decided by the function.
    fn necessary(&mut self, lookup: &Lookup, condition: &Condition) {
        let Some(values) = condition.equal_scalars() else { return };
        if let Some((data, key)) = lookup.plain_key() {
            self.push("(");
            self.document_key(At::Root, data, key);
            self.values(values);
            self.push(" OR (");
            self.document_key(At::Root, data, key);
            self.push(" >= '[' AND ");
            self.document_key(At::Root, data, key);
            self.push(" < '\\')) AND ");
            return;
        }
        let Lookup::Field { field, path: None } = lookup else { return };
        let kind = &field.field().kind;
        let fits: fn(&SqlValue) -> bool = match kind {
            FieldKind::Number(_) => |value| !matches!(value, SqlValue::Text(_)),
            _ if lookup.text_field().is_some() => |value| matches!(value, SqlValue::Text(_)),
            _ => return,
        };
        self.column(At::Root, field);
        self.values(values.into_iter().filter(fits).collect());
        self.push(" AND ");
    }

    fn values(&mut self, values: Vec<SqlValue>) {
        self.push(" IN (");
        for (index, value) in values.into_iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            self.param(value);
        }
        self.push(")");
    }
}

/// What an index on a key of an open collection's documents is made of; `alias` is that of the table with its dot.
pub fn document_key(alias: &str, key: &str) -> String {
    key_expression(&format!("{alias}\"{}\"", Collection::DATA), key)
}

fn key_expression(column: &str, key: &str) -> String {
    format!("json_extract({column}, {})", path_literal(&[key]))
}

fn form_of(field: &Column) -> ValueForm {
    match &field.field().kind {
        FieldKind::Number(_) => ValueForm::Number,
        FieldKind::Bool {} => ValueForm::Bool,
        FieldKind::Autodate(_) => ValueForm::Time,
        FieldKind::Json(_) | FieldKind::GeoPoint {} => ValueForm::Json,
        kind if kind.is_multiple() => ValueForm::Json,
        _ => ValueForm::Text,
    }
}

/// What `DocumentTest` reads before the condition: the name that it looks up itself.
fn names(name: &str) -> String {
    format!("{}\n", serde_json::Value::from(vec![name]))
}

fn is_quotable(name: &str) -> bool {
    name.split('.').all(is_plain)
}

/// `'$."a"."b"'`; the names have no quotes, backslashes and control characters in them.
fn path_literal(names: &[&str]) -> String {
    let mut path = String::from("'$");
    for name in names {
        path.push_str(&format!(".\"{}\"", name.replace('\'', "''")));
    }
    path.push('\'');
    path
}
