//! A small database beside the rules, with the column types that the store gives to fields.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod generate;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value as Owned, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Field, FieldKind, GeoPoint, Record, TenantId, Timestamp, Value};
use tidewire_rules::{
    DOCUMENT_TEST, DocumentTest, GEO_DISTANCE, Query, Residual, Sort, SqlValue, Statement, TENANT_COLUMN,
    Tables, geo_distance,
};

pub struct World {
    pub catalog: Arc<Catalog>,
    pub tenant: TenantId,
    pub connection: Connection,
    pub records: HashMap<String, Vec<Arc<Record>>>,
}

struct ByName;

impl Tables for ByName {
    fn table(&self, collection: &Collection) -> String {
        format!("\"{}\"", collection.name)
    }
}

/// The same with one record standing in for all of its collection.
pub struct OfImage;

impl Tables for OfImage {
    fn table(&self, collection: &Collection) -> String {
        ByName.table(collection)
    }
    fn root(&self, _: &Collection) -> String {
        "temp.image".to_owned()
    }
}

impl World {
    /// Puts the record, and no other, where `OfImage` looks.
    pub fn show(&self, record: &Record) {
        let table =
            create_table(&record.collection).replacen(&ByName.table(&record.collection), "temp.image", 1);
        self.connection.execute_batch(&format!("DROP TABLE IF EXISTS temp.image; {table}")).unwrap();
        self.fill("temp.image", record);
    }

    pub fn new(collections: Vec<Collection>) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection
            .create_scalar_function(GEO_DISTANCE, 4, flags, |context| {
                Ok(geo_distance([0, 1, 2, 3].map(|index| argument(context.get_raw(index)))))
            })
            .unwrap();
        connection
            .create_scalar_function(DOCUMENT_TEST, 3, flags, |context| {
                let test = DocumentTest::read(&context.get::<String>(2)?).unwrap();
                Ok(test.matches(context.get(0)?, argument(context.get_raw(1))))
            })
            .unwrap();
        for collection in &collections {
            connection.execute_batch(&create_table(collection)).unwrap();
        }
        let catalog = Arc::new(Catalog::new(1, collections.into_iter().map(Arc::new).collect()));
        Self { catalog, tenant: TenantId::default(), connection, records: HashMap::new() }
    }

    pub fn collection(&self, name: &str) -> Arc<Collection> {
        self.catalog.by_name(&self.tenant, name).unwrap().clone()
    }

    pub fn insert(&mut self, record: Record) {
        self.fill(&ByName.table(&record.collection), &record);
        self.records.entry(record.collection.name.to_string()).or_default().push(Arc::new(record));
    }

    fn fill(&self, table: &str, record: &Record) {
        let marks = vec!["?"; record.values.len() + 1].join(",");
        let values = record.values.iter().map(column);
        let all = std::iter::once(Owned::Text(record.tenant.to_string())).chain(values);
        self.connection
            .execute(&format!("INSERT INTO {table} VALUES ({marks})"), params_from_iter(all))
            .unwrap();
    }

    pub fn insert_json(&mut self, name: &str, json: &Json) {
        let record = record(&self.collection(name), &self.tenant, json);
        self.insert(record);
    }

    pub fn run(&self, statement: &Statement) -> Result<Vec<Vec<Owned>>, String> {
        let fail = |error: rusqlite::Error| format!("{error} in {}", statement.sql);
        let mut prepared = self.connection.prepare(&statement.sql).map_err(fail)?;
        let count = prepared.column_count();
        let params = statement.params.iter().map(|param| match param {
            SqlValue::Null => Owned::Null,
            SqlValue::Integer(number) => Owned::Integer(*number),
            SqlValue::Real(number) => Owned::Real(*number),
            SqlValue::Text(text) => Owned::Text(text.clone()),
        });
        let mut rows = prepared.query(params_from_iter(params)).map_err(fail)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            found.push((0..count).map(|index| row.get_unwrap(index)).collect());
        }
        Ok(found)
    }

    /// The ids that a residual lets through, by the database. Selection, count and existence must agree.
    pub fn ids(
        &self,
        name: &str,
        residual: &Residual,
        sort: &Sort,
        now: Timestamp,
    ) -> Result<Vec<String>, String> {
        let query = Query::new(&self.collection(name), &self.tenant, now).filter(residual).sort(sort);
        let rows = self.run(&query.select(&ByName))?;
        let count = self.run(&query.count(&ByName))?;
        assert_eq!(count, vec![vec![Owned::Integer(rows.len() as i64)]]);
        assert_eq!(self.run(&query.exists(&ByName))?.len(), rows.len().min(1));
        Ok(rows.iter().map(|row| text(&row[0])).collect())
    }
}

fn argument(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        _ => SqlValue::Null,
    }
}

fn text(value: &Owned) -> String {
    match value {
        Owned::Text(text) => text.clone(),
        other => panic!("{other:?} is not an id"),
    }
}

fn create_table(collection: &Collection) -> String {
    let mut sql = format!("CREATE TABLE \"{}\" (\"{TENANT_COLUMN}\" TEXT", collection.name);
    for field in &collection.fields {
        let kind = match &field.kind {
            FieldKind::Number(_) => "NUMERIC DEFAULT 0",
            FieldKind::Bool {} => "BOOLEAN DEFAULT FALSE",
            FieldKind::Json(_) => "JSON DEFAULT NULL",
            FieldKind::GeoPoint {} => "JSON",
            kind if kind.is_multiple() => "JSON DEFAULT '[]'",
            _ => "TEXT DEFAULT ''",
        };
        sql.push_str(&format!(", \"{}\" {kind}", field.name));
    }
    sql + ")"
}

fn column(value: &Value) -> Owned {
    match value {
        Value::Null => Owned::Null,
        Value::Text(text) => Owned::Text(text.to_string()),
        Value::Number(number) => Owned::Real(*number),
        Value::Bool(value) => Owned::Integer((*value).into()),
        Value::List(items) => Owned::Text(serde_json::to_string(&items).unwrap()),
        Value::Geo(GeoPoint { lon, lat }) => {
            let number = |number| tidewire_model::json::to_string(&tidewire_model::json::number(number));
            Owned::Text(format!("{{\"lon\":{},\"lat\":{}}}", number(*lon), number(*lat)))
        }
        Value::Json(Json::Null) => Owned::Null,
        Value::Json(json) => Owned::Text(json.to_string()),
    }
}

/// A collection from the body of a request that makes one: an id field is added, its name is its id.
pub fn collection(body: &Json) -> Collection {
    let mut body = body.clone();
    let mut fields = vec![json!({"name": "id", "type": "text", "primaryKey": true})];
    fields.extend(body["fields"].as_array().unwrap().iter().cloned());
    body["fields"] = fields.into();
    body["id"] = body["name"].clone();
    for (key, value) in
        [("system", json!(false)), ("indexes", json!([])), ("created", json!("")), ("updated", json!(""))]
    {
        if body.get(key).is_none() {
            body[key] = value;
        }
    }
    let mut collection: Collection = serde_json::from_value(body).unwrap();
    collection.index_fields();
    collection
}

pub fn record(collection: &Arc<Collection>, tenant: &TenantId, json: &Json) -> Record {
    let mut record = Record::empty(collection.clone(), tenant.clone());
    for (index, field) in collection.fields.iter().enumerate() {
        if let Some(json) = json.get(&*field.name) {
            record.values[index] = value(field, json);
        }
        if matches!(field.kind, FieldKind::Autodate(_)) {
            record.values[index] = Value::text("2026-11-01 10:00:00.000Z");
        }
    }
    record
}

fn value(field: &Field, json: &Json) -> Value {
    let text = json.as_str().unwrap_or_default();
    match &field.kind {
        _ if json.is_null() && field.nullable => field.unset(),
        FieldKind::Number(_) => Value::Number(json.as_f64().unwrap()),
        FieldKind::Bool {} => Value::Bool(json.as_bool().unwrap()),
        FieldKind::Json(_) => Value::Json(json.clone()),
        FieldKind::GeoPoint {} => {
            Value::Geo(GeoPoint { lon: json["lon"].as_f64().unwrap(), lat: json["lat"].as_f64().unwrap() })
        }
        FieldKind::Date(_) => {
            Value::text(&Timestamp::parse(text).map(Timestamp::to_text).unwrap_or_default())
        }
        kind if kind.is_multiple() => {
            Value::list(json.as_array().unwrap().iter().map(|item| item.as_str().unwrap()))
        }
        _ => Value::text(text),
    }
}

/// The database that all recorded cases were asked of.
pub fn fixture() -> World {
    let requests: Vec<Json> =
        serde_json::from_str(include_str!("../../../../tests/oracle/fixture.json")).unwrap();
    let body = |request: &Json| {
        let text = request["body"].to_string().replace("<id of collection ", "").replace(">\"", "\"");
        serde_json::from_str::<Json>(&text).unwrap()
    };
    let makes_collection = |request: &&Json| request["path"] == "/api/collections";
    let collections = requests.iter().filter(makes_collection).map(|request| collection(&body(request)));
    let users = json!({"name": "users", "type": "auth", "fields": [
        {"name": "email", "type": "email"}, {"name": "emailVisibility", "type": "bool"},
        {"name": "verified", "type": "bool"}, {"name": "name", "type": "text"}]});
    let mut world = World::new(collections.chain([collection(&users)]).collect());
    for request in requests.iter().filter(|request| !makes_collection(request)) {
        let name = request["path"].as_str().unwrap().split('/').nth(3).unwrap();
        world.insert_json(name, &request["body"]);
    }
    world
}
