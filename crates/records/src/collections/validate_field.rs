//! Settings of one field.

use super::fault::{self, Faults, at_least, at_most, blank, fault, range, required, with};
use super::fields;
use super::validate::Check;
use crate::error::Fault;
use crate::{pattern, validate};
use regex::Regex;
use serde_json::json;
use std::sync::Arc;
use tidewire_model::field::{
    AutodateOptions, DomainOptions, FileOptions, NumberOptions, PasswordOptions, RelationOptions,
    SelectOptions, TextOptions,
};
use tidewire_model::{Field, FieldKind, Value, json as number_json};

/// The largest integer that every JSON reader keeps exact.
const SAFE_MAX: u64 = (1 << 53) - 1;
const RESERVED: [&str; 7] = ["null", "true", "false", "_rowid_", "collectionId", "collectionName", "expand"];
const PASSWORD_MAX: u64 = 71;
/// How many generated texts are tried.
const SAMPLES: usize = 10;

/// `at`: the field's place in the list.
pub(super) fn check(check: &Check<'_>, field: &Field, at: &str, faults: &mut Faults) {
    let path = |key| ["fields", at, key];
    let id = if field.id.is_empty() { Some(required()) } else { fault::length(&field.id, 1, 100) };
    faults.check(&path("id"), id);
    faults.check(&path("name"), name(&field.name));
    faults.check(&path("help"), fault::length(&field.help, 1, 300));
    let mut report = |key: &str, fault: Option<Fault>| faults.check(&["fields", at, key], fault);
    match &field.kind {
        FieldKind::Text(options) => text(check, field, options, &mut report),
        FieldKind::Editor(options) => report("maxSize", range(options.max_size, 0, SAFE_MAX)),
        FieldKind::Number(options) => number(options, &mut report),
        FieldKind::Email(options) | FieldKind::Url(options) => domains(options, at, faults),
        FieldKind::Autodate(options) => autodate(check, field, options, &mut report),
        FieldKind::Select(options) => select(options, &mut report),
        FieldKind::Relation(options) => relation(check, field, options, &mut report),
        FieldKind::File(options) => file(options, at, faults),
        FieldKind::Json(options) => report("maxSize", range(options.max_size, 0, SAFE_MAX)),
        FieldKind::Password(options) => password(options, &mut report),
        FieldKind::Bool {} | FieldKind::Date(_) | FieldKind::GeoPoint {} => {}
    }
}

type Report<'a> = dyn FnMut(&str, Option<Fault>) + 'a;

fn name(name: &str) -> Option<Fault> {
    if name.is_empty() {
        return Some(required());
    }
    fault::length(name, 1, 100)
        .or_else(|| (!fault::is_word(name)).then(fault::format))
        .or_else(|| RESERVED.contains(&name).then(fault::not_in_list))
        .or_else(|| fault::has_via(name))
}

fn text(check: &Check<'_>, field: &Field, options: &TextOptions, report: &mut Report<'_>) {
    if options.primary_key {
        let is_key = |field: &&Field| matches!(&field.kind, FieldKind::Text(text) if text.primary_key);
        let several = check.new.fields.iter().filter(is_key).count() > 1;
        report(
            "primaryKey",
            several.then(|| {
                let text = "Composite PKs are not supported and the collection must have only 1 PK.";
                fault("validation_unsupported_composite_pk", text)
            }),
        );
        let text = "The primary key must be named \"id\".";
        report("name", (&*field.name != "id").then(|| fault("validation_in_invalid", text)));
        report("pattern", options.pattern.is_empty().then(required));
        report("required", (!field.required).then(required));
        report("hidden", field.hidden.then(blank));
    }
    report("min", range(options.min, 0, SAFE_MAX));
    report("max", range(options.max, options.min, SAFE_MAX));
    report("pattern", regex(&options.pattern));
    let made = &options.autogenerate_pattern;
    report("autogeneratePattern", regex(made).or_else(|| generated(field, made)));
}

fn regex(text: &str) -> Option<Fault> {
    if text.is_empty() || pattern::is_valid(text) {
        return None;
    }
    // The last line says what is wrong, those before draw the place.
    let error = Regex::new(text).map_or_else(|error| error.to_string(), |_| "pattern too large".into());
    let reason = error.lines().last().unwrap_or("").trim_start_matches("error: ");
    Some(fault("validation_invalid_regex", format!("Error parsing regexp: {reason}.")))
}

/// Tries whether what is made by the pattern would be taken.
fn generated(field: &Field, text: &str) -> Option<Fault> {
    if text.is_empty() {
        return None;
    }
    (0..SAMPLES).find_map(|_| match pattern::generate(text) {
        None => {
            Some(fault("validation_invalid_autogenerate_pattern", "The pattern cannot be generated from."))
        }
        Some(sample) if validate::validate(field, &Value::text(&sample), None).is_err() => Some(fault(
            "validation_invalid_autogenerate_pattern_value",
            format!("The provided autogenerate pattern could produce invalid field values, ex.: {sample:?}."),
        )),
        Some(_) => None,
    })
}

fn number(options: &NumberOptions, report: &mut Report<'_>) {
    let whole = |value: Option<f64>| {
        let broken = options.only_int && value.is_some_and(|value| value.fract() != 0.0);
        broken.then(|| fault("validation_only_int_constraint", "Decimal numbers are not allowed."))
    };
    report("min", whole(options.min));
    report("max", whole(options.max));
    if let (Some(min), Some(max)) = (options.min, options.max)
        && max < min
    {
        let min = number_json::number(min);
        let text = format!("Must be greater or equal than {}.", number_json::to_string(&min));
        report("max", Some(with("validation_min_number_constraint", text, json!({ "min": min }))));
    }
}

fn domains(options: &DomainOptions, at: &str, faults: &mut Faults) {
    let (except, only) = (options.except_domains.as_deref(), options.only_domains.as_deref());
    for (key, list, other) in [("exceptDomains", except, only), ("onlyDomains", only, except)] {
        let list = list.unwrap_or_default();
        if other.is_some_and(|other| !other.is_empty()) {
            faults.check(&["fields", at, key], (!list.is_empty()).then(blank));
            continue;
        }
        for (index, domain) in list.iter().enumerate().filter(|(_, domain)| !is_domain(domain)) {
            let _ = domain;
            let fault = fault("validation_is_domain", "Must be a valid domain.");
            faults.add(&["fields", at, key, &index.to_string()], fault);
        }
    }
}

/// Labels of letters, digits and inner hyphens; the last one without digits.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or("");
    text.len() <= 255
        && text.contains('.')
        && text.trim_end_matches('.').split('.').all(label)
        && last.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn autodate(check: &Check<'_>, field: &Field, options: &AutodateOptions, report: &mut Report<'_>) {
    if !options.on_create && !options.on_update {
        let fault = fault("validation_required", "Either onCreate or onUpdate must be enabled.");
        report("onCreate", Some(fault.clone()));
        report("onUpdate", Some(fault));
    }
    let old = check.old.and_then(|old| fields::by_id(&old.fields, &field.id));
    if let Some(FieldKind::Autodate(old)) = old.filter(|_| field.system).map(|old| &old.kind) {
        let differs = || fault("validation_values_mismatch", "Values don't match.");
        report("onCreate", (old.on_create != options.on_create).then(differs));
        report("onUpdate", (old.on_update != options.on_update).then(differs));
    }
}

fn select(options: &SelectOptions, report: &mut Report<'_>) {
    let max = options.values.len().max(1) as u64;
    report("values", options.values.is_empty().then(required));
    report("maxSelect", (options.max_select > max).then(|| at_most(max)));
}

fn relation(check: &Check<'_>, field: &Field, options: &RelationOptions, report: &mut Report<'_>) {
    report("collectionId", target(check, field, &options.collection_id));
    if options.max_select == 0 {
        report("maxSelect", (options.min_select > 0).then(required));
    } else if options.max_select < options.min_select {
        report("maxSelect", Some(at_least(options.min_select)));
    }
}

fn target(check: &Check<'_>, field: &Field, id: &str) -> Option<Fault> {
    if id.is_empty() {
        return Some(required());
    }
    let old = check.old.and_then(|old| fields::by_id(&old.fields, &field.id));
    if old.and_then(|old| old.kind.relation()).is_some_and(|old| old.collection_id != id) {
        let text = "The relation collection cannot be changed.";
        return Some(fault("validation_field_relation_change", text));
    }
    let mine = |owner: &Option<_>| owner.is_none() || *owner == check.new.owner;
    if check.catalog.by_id(id).is_some_and(|target: &Arc<_>| mine(&target.owner)) {
        return None;
    }
    let text = "The relation collection doesn't exist.";
    Some(fault("validation_field_relation_missing_collection", text))
}

fn file(options: &FileOptions, at: &str, faults: &mut Faults) {
    faults.check(&["fields", at, "maxSelect"], range(options.max_select, 0, SAFE_MAX));
    faults.check(&["fields", at, "maxSize"], range(options.max_size, 0, SAFE_MAX));
    for (index, size) in options.thumbs.iter().flatten().enumerate() {
        faults.check(&["fields", at, "thumbs", &index.to_string()], thumb(size));
    }
}

fn thumb(size: &str) -> Option<Fault> {
    if size.is_empty() {
        return None;
    }
    let (width, height) =
        size.strip_suffix(['t', 'b', 'f']).unwrap_or(size).split_once('x').unwrap_or(("", ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if width == "0" && height == "0" {
        Some(fault::not_in_list())
    } else if digits(width) && digits(height) {
        None
    } else {
        Some(fault::format())
    }
}

fn password(options: &PasswordOptions, report: &mut Report<'_>) {
    report("min", range(options.min, 1, PASSWORD_MAX));
    report("max", range(options.max, options.min, PASSWORD_MAX));
    report("cost", range(options.cost, 4, 31));
    report("pattern", regex(&options.pattern));
}
