//! Who may subscribe to a custom topic, and who may publish on it, by the rules that superusers set for its prefix.

use crate::asker::Asker;
use crate::collections::fault::{Faults, fault, length, with};
use crate::prepare::Body;
use crate::rule;
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::sync::Arc;
use tidewire_model::message::{MAX_TOPIC, messages};
use tidewire_model::{Catalog, Language, Principal, Record, TenantId, Timestamp, TopicRule, Topics, Value};
use tidewire_rules::{Audience, Truth};

/// Rules at most.
const RULES: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Subscribe,
    Publish,
}

/// Whether somebody may; `asker` is made only if an expression has to be judged. Without a rule anyone may subscribe, and
/// superusers publish.
pub fn may(
    catalog: &Arc<Catalog>,
    principal: &Principal,
    topic: &str,
    deed: Deed,
    asker: impl FnOnce() -> Asker,
) -> bool {
    if principal.is_superuser() {
        return true;
    }
    let rule = catalog.topics().of(topic);
    let text = match (rule, deed) {
        (None, Deed::Subscribe) => Some(""),
        (None, Deed::Publish) => None,
        (Some(rule), Deed::Subscribe) => rule.subscribe.as_deref(),
        (Some(rule), Deed::Publish) => rule.publish.as_deref(),
    };
    match text {
        None => false,
        Some("") => true,
        Some(text) => holds(catalog, &asker(), topic, text),
    }
}

/// The expression sees the topic as a field of that name. What only the store could tell counts as no.
fn holds(catalog: &Arc<Catalog>, asker: &Asker, topic: &str, text: &str) -> bool {
    let bound = rule::bind_text(catalog, messages(), asker, Audience::Rule, text, &Body::new());
    let Ok(residual) = bound else { return false };
    let mut record = Record::empty(messages().clone(), asker.tenant.clone());
    record.set("topic", Value::text(topic));
    residual.eval(&record, Timestamp::now()) == Truth::Yes
}

/// Reads the rules as the settings have them.
pub(crate) fn read(json: &Json, catalog: &Arc<Catalog>, faults: &mut Faults) -> Topics {
    let list = json.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.len() > RULES {
        let text = format!("The length must be no more than {RULES}.");
        faults.add(&["topics"], with("validation_length_too_long", text, json!({ "max": RULES, "min": 0 })));
        return Topics::default();
    }
    let mut prefixes = HashSet::new();
    let mut rules = Vec::with_capacity(list.len());
    for (index, json) in list.iter().enumerate() {
        let at = index.to_string();
        let Ok(rule) = serde_json::from_value::<TopicRule>(json.clone()) else {
            faults.add(&["topics", &at], fault("validation_invalid_value", "Must be a valid topic rule."));
            continue;
        };
        check(&rule, catalog, &["topics", &at], faults);
        if !prefixes.insert(rule.prefix.clone()) {
            faults.add(
                &["topics", &at, "prefix"],
                fault("validation_not_unique", "The prefix must be unique."),
            );
        }
        rules.push(rule);
    }
    Topics { rules }
}

fn check(rule: &TopicRule, catalog: &Arc<Catalog>, path: &[&str; 2], faults: &mut Faults) {
    let [list, at] = *path;
    let prefix = &[list, at, "prefix"];
    faults.check(prefix, length(&rule.prefix, 0, MAX_TOPIC));
    if rule.prefix.contains(['\r', '\n']) {
        faults.add(prefix, fault("validation_match_invalid", "Must not contain line breaks."));
    }
    for (name, text) in [("subscribe", &rule.subscribe), ("publish", &rule.publish)] {
        let error = text.as_deref().filter(|text| !text.is_empty()).and_then(|text| error(text, catalog));
        faults.check(
            &[list, at, name],
            error.map(|error| {
                let text = format!("Invalid rule. Raw error: {}.", error.trim_end_matches('.'));
                fault("validation_invalid_rule", text)
            }),
        );
    }
}

/// Why a text is no rule of a topic: it must be one that nothing but who asks decides.
fn error(text: &str, catalog: &Arc<Catalog>) -> Option<String> {
    let (tenant, language) = (TenantId::default(), Language::PocketBase);
    let rule = match rule::resolve(catalog, messages(), &tenant, Audience::Rule, language, text) {
        Ok(rule) => rule,
        Err(error) => return Some(error.to_string()),
    };
    let reads_others = text.contains("@collection.") || !rule.bind(&Default::default()).is_local();
    reads_others.then(|| "a rule of a topic cannot read records".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap;
    use tidewire_model::{Collection, Identity};

    fn catalog() -> Arc<Catalog> {
        Arc::new(Catalog::new(1, bootstrap::collections().into_iter().map(Arc::new).collect()))
    }

    fn signed_in(catalog: &Catalog, superuser: bool) -> Principal {
        let id = if superuser { Collection::SUPERUSERS_ID } else { Collection::USERS_ID };
        let mut record = Record::empty(catalog.by_id(id).unwrap().clone(), TenantId::default());
        record.set("id", Value::text("ann"));
        record.set("verified", Value::Bool(true));
        let tenant = TenantId::default();
        let identity = Identity { record: Arc::new(record), superuser, tenant, expires_at: None };
        Principal::Known(Arc::new(identity))
    }

    /// Who may: `g`uest, `u`ser, `s`uperuser.
    fn who(rules: Json, topic: &str, deed: Deed) -> String {
        let bare = catalog();
        let mut faults = Faults::default();
        let topics = read(&rules, &bare, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        let catalog = Arc::new(Catalog::clone(&bare).with_topics(Arc::new(topics)));
        let people =
            [('g', Principal::Guest), ('u', signed_in(&catalog, false)), ('s', signed_in(&catalog, true))];
        let asker = |principal: &Principal| Asker { principal: principal.clone(), ..Asker::default() };
        let allowed =
            people.iter().filter(|(_, principal)| may(&catalog, principal, topic, deed, || asker(principal)));
        allowed.map(|(name, _)| name).collect()
    }

    #[test]
    fn rules_decide_by_who_asks() {
        let user = "@request.auth.id != ''";
        let nobody = "@request.auth.id = 'nobody'";
        let own = "topic = 'inbox/' && @request.auth.id != ''";
        let inbox = "topic ~ @request.auth.id && @request.auth.verified = true";
        for (rules, topic, subscribe, publish) in [
            (json!([]), "t", "gus", "s"),
            (json!([{ "prefix": "a/" }]), "a/1", "gus", "s"),
            (json!([{ "prefix": "", "subscribe": null, "publish": "" }]), "a/1", "s", "gus"),
            (json!([{ "prefix": "a/", "subscribe": user, "publish": user }]), "a/1", "us", "us"),
            (json!([{ "prefix": "a/", "subscribe": user, "publish": user }]), "b/1", "gus", "s"),
            (
                json!([{ "prefix": "", "subscribe": nobody }, { "prefix": "a/", "subscribe": user }]),
                "a/",
                "us",
                "s",
            ),
            (
                json!([{ "prefix": "", "subscribe": nobody }, { "prefix": "a/", "subscribe": user }]),
                "a",
                "s",
                "s",
            ),
            (json!([{ "prefix": "inbox/", "subscribe": own }]), "inbox/", "us", "s"),
            (json!([{ "prefix": "inbox/", "subscribe": own }]), "inbox/1", "s", "s"),
            (json!([{ "prefix": "inbox/", "subscribe": inbox }]), "inbox/ann", "us", "s"),
            (json!([{ "prefix": "inbox/", "subscribe": inbox }]), "inbox/bob", "s", "s"),
        ] {
            assert_eq!(who(rules.clone(), topic, Deed::Subscribe), subscribe, "{rules} {topic}");
            assert_eq!(who(rules.clone(), topic, Deed::Publish), publish, "{rules} {topic}");
        }
    }

    #[test]
    fn faults_are_told_by_field() {
        let catalog = catalog();
        let many: Vec<Json> = (0..=RULES).map(|number| json!({ "prefix": number.to_string() })).collect();
        let rule = |text: &str| json!([{ "prefix": "a", "subscribe": text }]);
        for (rules, expected) in [
            (json!([{ "prefix": "a" }, { "prefix": "b", "durable": true, "maxAge": 60 }]), ""),
            (json!(many), "topics"),
            (json!([{ "prefix": "a" }, { "prefix": "a" }]), "topics.1.prefix"),
            (json!([{ "prefix": "a\n" }]), "topics.0.prefix"),
            (json!([{ "prefix": "x".repeat(MAX_TOPIC + 1) }]), "topics.0.prefix"),
            (json!([5]), "topics.0"),
            (json!([{ "prefix": "a", "maxAge": -1 }]), "topics.0"),
            (json!([{ "prefix": "a", "publish": 1 }]), "topics.0"),
            (rule("@request.auth.id != ''"), ""),
            (rule("nothing = 1"), "topics.0.subscribe"),
            (rule("a ="), "topics.0.subscribe"),
            (rule("@collection.users.id = 'a'"), "topics.0.subscribe"),
        ] {
            let mut faults = Faults::default();
            read(&rules, &catalog, &mut faults);
            assert_eq!(paths(&faults.0).join(" "), expected, "{rules}");
        }
    }

    fn paths(faults: &crate::FieldErrors) -> Vec<String> {
        let below = |(name, fault): (&String, &crate::error::Fault)| match fault {
            crate::error::Fault::Field(_) => vec![name.clone()],
            crate::error::Fault::Nested(nested) => {
                paths(nested).into_iter().map(|path| format!("{name}.{path}")).collect()
            }
        };
        faults.0.iter().flat_map(below).collect()
    }
}
