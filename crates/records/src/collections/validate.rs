//! Whether a definition may be saved.

use super::draft::{Draft, negative_fault};
use super::fault::{self, Faults, fault, required, with};
use super::{fields, validate_auth, validate_field, validate_indexes};
use crate::error::Fault;
use crate::rule::RULE_LIMITS;
use serde_json::json;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Field, FieldKind, TenantId};
use tidewire_rules::{Audience, Expr, Rule};

/// Names of tables that PocketBase keeps to itself.
const RESERVED_NAMES: [&str; 3] = ["_collections", "_params", "_migrations"];
const RESERVED_AUTH_FIELDS: [&str; 2] = ["passwordConfirm", "oldPassword"];

/// What a definition is checked against.
pub(super) struct Check<'a> {
    /// all definitions, the new one among them
    pub catalog: &'a Arc<Catalog>,
    pub tenant: &'a TenantId,
    pub new: &'a Arc<Collection>,
    /// as it was before, for an update
    pub old: Option<&'a Collection>,
}

impl Check<'_> {
    pub(super) fn run(&self, draft: &Draft) -> Faults {
        let mut faults = Faults::default();
        faults.check(&["id"], self.id());
        faults.check(&["system"], self.system());
        faults.check(&["name"], self.name());
        self.fields(draft, &mut faults);
        self.rules(&mut faults);
        if let Some(auth) = &self.new.auth {
            validate_auth::check(self, auth, &mut faults);
        }
        validate_indexes::check(self, &mut faults);
        faults
    }

    fn id(&self) -> Option<Fault> {
        let id = &self.new.id;
        if self.old.is_some() {
            return None;
        }
        let taken = self.catalog.all().iter().filter(|other| other.id.eq_ignore_ascii_case(id)).count() > 1;
        fault::length(id, 1, 100).or_else(|| (!fault::is_word(id)).then(fault::format)).or_else(|| {
            taken.then(|| {
                fault("validation_invalid_or_existing_id", "The model id is invalid or already exists.")
            })
        })
    }

    fn system(&self) -> Option<Fault> {
        let changed = self.old.is_some_and(|old| old.system != self.new.system);
        changed.then(|| {
            fault("validation_collection_system_flag_change", "System collection state cannot be changed.")
        })
    }

    fn name(&self) -> Option<Fault> {
        let name = &*self.new.name;
        if name.is_empty() {
            return Some(required());
        }
        fault::length(name, 1, 255)
            .or_else(|| fault::has_via(name))
            .or_else(|| (!fault::is_word(name)).then(fault::format))
            .or_else(|| self.name_is_kept())
            .or_else(|| self.name_is_free())
    }

    fn name_is_kept(&self) -> Option<Fault> {
        let renamed = self.old.is_some_and(|old| old.system && old.name != self.new.name);
        renamed.then(|| {
            fault("validation_collection_system_name_change", "System collection name cannot be changed.")
        })
    }

    fn name_is_free(&self) -> Option<Fault> {
        let name = &*self.new.name;
        let others = || self.catalog.all().iter().filter(|other| !Arc::ptr_eq(other, self.new));
        let clash = others().any(|other| {
            other.id != self.new.id && other.owner == self.new.owner && other.name.eq_ignore_ascii_case(name)
        });
        if clash {
            return Some(fault(
                "validation_collection_name_exists",
                "Collection name must be unique (case insensitive).",
            ));
        }
        if others().any(|other| &*other.id == name) {
            return Some(fault(
                "validation_collection_name_id_duplicate",
                "The name must not match an existing collection id.",
            ));
        }
        let lower = name.to_lowercase();
        let reserved = RESERVED_NAMES.contains(&&*lower) || lower.starts_with("sqlite_");
        reserved.then(|| {
            fault(
                "validation_collection_name_invalid",
                "The name shouldn't match with an existing internal table.",
            )
        })
    }

    /// Stops at the first kind of fault, as one fault often makes the next.
    fn fields(&self, draft: &Draft, faults: &mut Faults) {
        let before = faults.0.0.len();
        self.duplicate_fields(faults);
        if faults.0.0.len() == before {
            self.required_fields(faults);
        }
        if faults.0.0.len() == before {
            self.kept_fields(faults);
        }
        if faults.0.0.len() == before {
            self.reserved_fields(faults);
        }
        if faults.0.0.len() == before {
            for (index, field) in self.new.fields.iter().enumerate() {
                let at = index.to_string();
                for (_, key) in draft.negative.iter().filter(|(id, _)| *id == field.id) {
                    faults.add(&["fields", &at, key], negative_fault());
                }
                validate_field::check(self, field, &at, faults);
            }
        }
    }

    fn duplicate_fields(&self, faults: &mut Faults) {
        let list = &self.new.fields;
        for (index, field) in list.iter().enumerate() {
            if list[..index].iter().any(|other| other.name.eq_ignore_ascii_case(&field.name)) {
                let name = &field.name;
                let fault = with(
                    "validation_duplicated_field_name",
                    format!("Duplicated or invalid field name {name}."),
                    json!({ "fieldName": name }),
                );
                return faults.add(&["fields", &index.to_string(), "name"], fault);
            }
        }
    }

    fn required_fields(&self, faults: &mut Faults) {
        let is_key = |field: &Field| matches!(&field.kind, FieldKind::Text(options) if options.primary_key);
        if !fields::by_name(&self.new.fields, "id").is_some_and(is_key) {
            let text = "Missing or invalid \"id\" PK field.";
            faults.add(&["fields"], fault("validation_missing_primary_key", text));
        }
    }

    fn kept_fields(&self, faults: &mut Faults) {
        let Some(old) = self.old else { return };
        let kept = |field: &Field| {
            fields::by_id(&self.new.fields, &field.id).is_some_and(|new| new.name == field.name)
        };
        if !old.fields.iter().filter(|field| field.system).all(kept) {
            let text = "System fields cannot be deleted or renamed.";
            return faults.add(&["fields"], fault("validation_system_field_change", text));
        }
        for (index, field) in self.new.fields.iter().enumerate() {
            let before = fields::by_id(&old.fields, &field.id);
            if before.is_some_and(|old| old.kind.type_name() != field.kind.type_name()) {
                let fault = fault("validation_field_type_change", "Field type cannot be changed.");
                faults.add(&["fields", &index.to_string()], fault);
            }
        }
    }

    fn reserved_fields(&self, faults: &mut Faults) {
        for (index, field) in self.new.fields.iter().enumerate() {
            if self.new.is_auth() && RESERVED_AUTH_FIELDS.contains(&&*field.name) {
                let text = "The field name is reserved and cannot be used.";
                let fault = fault("validation_reserved_field_name", text);
                faults.add(&["fields", &index.to_string(), "name"], fault);
            }
        }
    }

    fn rules(&self, faults: &mut Faults) {
        let (new, old) = (&self.new.rules, self.old.map(|old| &old.rules));
        for (key, rule, before) in [
            ("listRule", &new.list, old.map(|old| &old.list)),
            ("viewRule", &new.view, old.map(|old| &old.view)),
            ("createRule", &new.create, old.map(|old| &old.create)),
            ("updateRule", &new.update, old.map(|old| &old.update)),
            ("deleteRule", &new.delete, old.map(|old| &old.delete)),
        ] {
            faults.check(&[key], self.rule(rule.as_deref(), before.map(Option::as_deref)));
        }
    }

    /// `old`: the rule before an update.
    pub(super) fn rule(&self, rule: Option<&str>, old: Option<Option<&str>>) -> Option<Fault> {
        if let Some(error) = rule.filter(|rule| !rule.is_empty()).and_then(|rule| self.rule_error(rule)) {
            let text = format!("Invalid rule. Raw error: {}.", error.trim_end_matches('.'));
            return Some(fault("validation_invalid_rule", text));
        }
        let kept = !self.old.is_some_and(|old| old.system) || old.is_none_or(|old| old == rule);
        (!kept).then(|| {
            fault("validation_collection_system_rule_change", "System collection API rule cannot be changed.")
        })
    }

    fn rule_error(&self, rule: &str) -> Option<String> {
        match Expr::parse_in(self.new.language, rule, RULE_LIMITS) {
            Err(error) => Some(error.message),
            Ok(expr) => Rule::resolve(&expr, self.catalog, self.tenant, self.new, Audience::Rule)
                .err()
                .map(|error| error.to_string()),
        }
    }
}

/// The catalog as it would be with a new definition.
pub(super) fn with_new(catalog: &Catalog, new: &Arc<Collection>) -> Arc<Catalog> {
    let list = catalog.all().iter().chain([new]).cloned().collect();
    Arc::new(Catalog::new(catalog.revision, list))
}

/// The catalog as it would be with a changed definition.
pub(super) fn with_changed(catalog: &Catalog, new: &Arc<Collection>) -> Arc<Catalog> {
    let changed = |old: &Arc<Collection>| if old.id == new.id { new.clone() } else { old.clone() };
    Arc::new(Catalog::new(catalog.revision, catalog.all().iter().map(changed).collect()))
}
