use serde_json::{Value as Json, json};
use tidewire_hooks::{Occasion, Refusal};
use tidewire_model::Operations;

/// A subscription that a client asks for.
pub struct Wish<'a> {
    /// names it among those of its connection
    pub key: &'a str,
    /// name of the collection, if it is one
    pub collection: Option<&'a str>,
    pub topic: Option<&'a str>,
    /// the client's own choice
    pub operations: Operations,
    /// the client's own, in its dialect's form
    pub filter: Json,
    pub options: Json,
}

impl<'a> Wish<'a> {
    /// For a topic in which there is nothing to narrow.
    pub fn whole(topic: &'a str) -> Self {
        Self {
            key: topic,
            collection: None,
            topic: Some(topic),
            operations: Operations::NONE,
            filter: Json::Null,
            options: Json::Null,
        }
    }
}

/// What user code made of a wish.
#[derive(Debug)]
pub struct Grant {
    pub operations: Operations,
    /// each takes away from what the client's own filter lets through
    pub filters: Vec<Json>,
    pub(super) key: Box<str>,
    /// to be told when the subscription is over
    pub(super) end: Occasion,
}

impl Grant {
    /// The filters of dialects whose filters are texts.
    pub fn texts(&self) -> Box<[Box<str>]> {
        self.filters.iter().filter_map(Json::as_str).map(Into::into).collect()
    }
}

/// Follows what handlers, one after the other, make of operations and filter: each can only take away.
pub(super) struct Narrowing {
    operations: Operations,
    filter: Json,
    filters: Vec<Json>,
}

impl Narrowing {
    pub fn new(wish: &Wish<'_>) -> Self {
        let (operations, filter) = (wish.operations, wish.filter.clone());
        Self { operations, filter, filters: Vec::new() }
    }

    /// After one handler. What cannot be understood refuses: it was meant to take something away.
    pub fn look(&mut self, occasion: &mut Occasion) -> Result<(), Refusal> {
        let left = occasion.fields.get("operations").unwrap_or(&Json::Null);
        let Some(operations) = operations(left) else { return refuse("operations") };
        self.operations = self.operations.and(operations);
        let names: Vec<_> = self.operations.names().collect();
        occasion.fields.insert("operations".to_owned(), json!(names));
        let filter = occasion.fields.get("filter").cloned().unwrap_or_default();
        if filter == self.filter {
            return Ok(());
        }
        match (&filter, &self.filter) {
            (Json::Null, _) => {}
            (Json::String(text), Json::String(_)) if text.trim().is_empty() => {}
            (Json::String(_), Json::String(_)) | (Json::Object(_), Json::Object(_)) => {
                self.filters.push(filter.clone());
                self.filter = filter;
            }
            _ => return refuse("filter"),
        }
        Ok(())
    }

    /// What is left: operations and filters.
    pub fn done(self) -> (Operations, Vec<Json>) {
        (self.operations, self.filters)
    }
}

fn refuse(field: &str) -> Result<(), Refusal> {
    tracing::error!(field, "a hook left something that cannot narrow a subscription");
    Err(Refusal::broken())
}

/// `None` if that is no list of names.
fn operations(left: &Json) -> Option<Operations> {
    match left {
        Json::Null => Some(Operations::ALL),
        Json::String(name) => Some(Operations::of([name.as_str()])),
        Json::Array(names) => {
            let names: Option<Vec<&str>> = names.iter().map(Json::as_str).collect();
            names.map(Operations::of)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidewire_hooks::Event;
    use tidewire_model::TenantId;

    /// What handlers leave one after the other, and what comes of it.
    fn check(filter: Json, left: &[Json], expected: Option<(&str, Json)>) {
        let operations = Operations::of(["create", "update"]);
        let options = Json::Null;
        let wish = Wish { key: "k", collection: None, topic: None, operations, filter, options };
        let mut narrowing = Narrowing::new(&wish);
        let mut occasion = Occasion::new(Event::RealtimeSubscribe, TenantId::default())
            .with("operations", json!(["create", "update"]))
            .with("filter", wish.filter.clone());
        let looked = left.iter().try_for_each(|left| {
            occasion.fields.extend(left.as_object().cloned().unwrap_or_default());
            narrowing.look(&mut occasion)
        });
        let (operations, filters) = narrowing.done();
        let names = operations.names().collect::<Vec<_>>().join(" ");
        let got = looked.ok().map(|()| (names, Json::from(filters)));
        assert_eq!(got, expected.map(|(names, filters)| (names.to_owned(), filters)), "{left:?}");
    }

    #[test]
    fn handlers_can_only_take_away() {
        let text = |left: &[Json], expected| check(json!("a = 1"), left, expected);
        let none = || json!([]);
        text(&[json!({})], Some(("create update", none())));
        text(&[json!({ "operations": ["create", "delete"] })], Some(("create", none())));
        text(&[json!({ "operations": "update" })], Some(("update", none())));
        text(&[json!({ "operations": [] })], Some(("", none())));
        text(&[json!({ "operations": null })], Some(("create update", none())));
        text(
            &[json!({ "operations": ["create"] }), json!({ "operations": ["create", "update"] })],
            Some(("create", none())),
        );
        text(&[json!({ "filter": "b = 2" })], Some(("create update", json!(["b = 2"]))));
        text(
            &[json!({ "filter": "b = 2" }), json!({}), json!({ "filter": "" }), json!({ "filter": "c = 3" })],
            Some(("create update", json!(["b = 2", "c = 3"]))),
        );
        text(&[json!({ "filter": null })], Some(("create update", none())));
        for bad in [
            json!({ "operations": 1 }),
            json!({ "operations": [1] }),
            json!({ "filter": 1 }),
            json!({ "filter": { "b": 2 } }),
        ] {
            text(&[bad], None);
        }
        let object = |left: &[Json], expected| check(json!({ "a": 1 }), left, expected);
        object(&[json!({ "filter": { "b": 2 } })], Some(("create update", json!([{ "b": 2 }]))));
        object(&[json!({ "filter": {} })], Some(("create update", json!([{}]))));
        object(&[json!({ "filter": "b = 2" })], None);
    }
}
