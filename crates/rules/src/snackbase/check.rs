//! Everything that is wrong with the names of an expression, in the words that SnackBase's clients know.

use super::Phrase;
use super::call::Callee;
use super::fact::{AUTH, DATA, FACTS, meaning};
use super::operand::Named;
use crate::resolve::Resolver;
use crate::rule::Audience;
use crate::syntax::Sign;
use std::collections::BTreeSet;
use tidewire_model::Field;
use tidewire_model::field::FieldKind;

/// The names that every record has.
const SYSTEM: [&str; 6] = ["account_id", "created_at", "created_by", "id", "updated_at", "updated_by"];

impl Resolver<'_> {
    pub(super) fn problems(&self, phrase: &Phrase) -> Vec<String> {
        let mut found = Vec::new();
        self.check(phrase, &mut found);
        found
    }

    fn check(&self, phrase: &Phrase, found: &mut Vec<String>) {
        match phrase {
            Phrase::Name(name) => found.extend(self.name_problem(name)),
            Phrase::Compare(left, sign, right) => {
                self.check_side(left, sign_text(*sign), found);
                self.check_side(right, sign_text(*sign), found);
            }
            Phrase::In(of, items) => {
                self.check_side(of, "IN", found);
                items.iter().for_each(|item| self.check(item, found));
            }
            Phrase::Call(name, arguments) => {
                found.extend(self.call_problem(name, arguments.len()));
                arguments.iter().for_each(|argument| self.check_argument(name, argument, found));
            }
            other => other.parts().into_iter().for_each(|part| self.check(part, found)),
        }
    }

    /// What a macro is given may be a name that is no field.
    fn check_argument(&self, callee: &str, argument: &Phrase, found: &mut Vec<String>) {
        let is_named = callee == "@owns_record" && matches!(argument, Phrase::Literal(_));
        if !is_named {
            self.check(argument, found);
        }
    }

    fn check_side(&self, side: &Phrase, operator: &str, found: &mut Vec<String>) {
        let before = found.len();
        self.check(side, found);
        let Phrase::Name(name) = side else { return };
        // rules are their author's business
        if found.len() > before || self.audience == Audience::Rule {
            return;
        }
        let kind = self.kind_of(name);
        let Some(allowed) = operators(kind).filter(|allowed| !allowed.contains(&operator)) else { return };
        let mut allowed = allowed.to_vec();
        allowed.extend(["IS NOT NULL", "IS NULL"]);
        let allowed = allowed.join(", ");
        found.push(format!(
            "Operator '{operator}' is not supported for field '{name}' of type '{kind}'. Allowed operators: {allowed}"
        ));
    }

    fn name_problem(&self, name: &str) -> Option<String> {
        if !name.starts_with('@') {
            return match self.named(name) {
                None => Some(self.unknown(name)),
                Some(Named::Column(column)) => self.closed(column.field()),
                Some(_) => None,
            };
        }
        if let Some(problem) = self.context_problem(name) {
            return Some(problem);
        }
        if let Some(meaning) = meaning(name, &[]) {
            return self.problems(&meaning).into_iter().next();
        }
        match name.strip_prefix(AUTH) {
            Some(_) if FACTS.contains(&name) => None,
            Some(_) => Some(format!("Invalid context variable '{name}'. Valid: {}", FACTS.join(", "))),
            None if name.len() > DATA.len() && name.starts_with(DATA) => None,
            None => Some(self.unknown(name)),
        }
    }

    fn context_problem(&self, name: &str) -> Option<String> {
        (self.audience != Audience::Rule).then(|| {
            format!(
                "Context variables are not allowed in filters: '{name}'. Use plain field names only (e.g., status, price, created_at)."
            )
        })
    }

    fn call_problem(&self, name: &str, count: usize) -> Option<String> {
        if name.starts_with('@') {
            return self.context_problem(name).or_else(|| match (name, count) {
                ("@has_role" | "@has_group" | "@owns_record", 1) => None,
                ("@owns_record" | "@is_creator" | "@is_public", 0) => None,
                ("@has_role" | "@has_group" | "@owns_record", _) => {
                    Some(format!("{name}() requires exactly 1 argument(s), got {count}"))
                }
                _ => Some(format!("Unknown macro '{name}'")),
            });
        }
        Callee::problem(name, count)
    }

    fn unknown(&self, name: &str) -> String {
        let visible = self.base.fields.iter().filter(|field| !field.hidden || self.sees_hidden());
        let all: BTreeSet<&str> = visible.map(|field| &*field.name).chain(SYSTEM).collect();
        let all: Vec<&str> = all.into_iter().collect();
        format!("Field '{name}' does not exist in collection. Available fields: {}", all.join(", "))
    }

    fn kind_of(&self, name: &str) -> &str {
        match name {
            "created_at" | "updated_at" => return "datetime",
            "id" | "account_id" | "created_by" | "updated_by" => return "text",
            _ => {}
        }
        self.base.field(name).map_or("text", kind)
    }
}

/// What SnackBase calls the type of a field.
fn kind(field: &Field) -> &str {
    if let Some(extra) = field.extra.as_ref().filter(|extra| !extra.label.is_empty()) {
        return &extra.label;
    }
    match &field.kind {
        FieldKind::Number(_) => "number",
        FieldKind::Bool {} => "boolean",
        FieldKind::Date(_) | FieldKind::Autodate(_) => "datetime",
        FieldKind::Json(_) | FieldKind::GeoPoint {} => "json",
        FieldKind::Relation(_) if !field.kind.is_multiple() => "reference",
        FieldKind::Email(_) => "email",
        FieldKind::Url(_) => "url",
        _ => "text",
    }
}

/// Beside `IS NULL`; `None` for all.
fn operators(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "json" => Some(&[]),
        "boolean" => Some(&["!=", "="]),
        "reference" | "user" => Some(&["!=", "=", "IN"]),
        "number" | "date" | "datetime" => Some(&["!=", "<", "<=", "=", ">", ">=", "IN"]),
        _ => None,
    }
}

fn sign_text(sign: Sign) -> &'static str {
    match sign {
        Sign::Equal => "=",
        Sign::NotEqual => "!=",
        Sign::Less => "<",
        Sign::LessOrEqual => "<=",
        Sign::Greater => ">",
        Sign::GreaterOrEqual => ">=",
        Sign::Like | Sign::NotLike => "~",
    }
}
