//! The collection `demo`: tide gauges whose levels move a few times a second, to be watched on the first page.

use rand::RngExt as _;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use tidewire_model::{Collection, Identity, Principal, Record, TenantId, Timestamp};
use tidewire_records::{Asker, Body, Prepared, RecordError, collections, create, delete, update};
use tidewire_rules::Query;
use tidewire_store::{Store, Tx};

const NAME: &str = "demo";
const PACE: Duration = Duration::from_millis(400);
/// Records kept; the oldest goes when one more comes.
const RECORDS: usize = 8;
const STATIONS: [&str; 12] = [
    "Anchor Bay",
    "Broad Sound",
    "Cape Lantern",
    "Drift Point",
    "East Mole",
    "Ferry Steps",
    "Gull Rock",
    "Harbour Mouth",
    "Inner Basin",
    "Kelp Ledge",
    "Long Quay",
    "North Pier",
];

/// Makes the collection if it is not there: everyone may look, superusers may write.
pub async fn prepare(store: &Store) -> Result<Arc<Collection>, RecordError> {
    store
        .write(|tx| {
            let tenant = TenantId::default();
            match tx.catalog().by_name(&tenant, NAME).cloned() {
                Some(collection) => Ok(collection),
                None => collections::create(tx, &tenant, &definition()),
            }
        })
        .await
}

/// Changes something now and then, for as long as it is polled.
pub async fn run(store: Store, collection: Arc<Collection>) {
    let mut ticks = tokio::time::interval(PACE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let collection = collection.clone();
        if let Err(error) = store.write(move |tx| change(tx, &collection)).await {
            tracing::warn!(%error, "the demo could not write");
        }
    }
}

fn definition() -> Body {
    let definition = json!({
        "name": NAME,
        "type": "base",
        "listRule": "",
        "viewRule": "",
        "fields": [
            { "name": "station", "type": "text", "required": true },
            { "name": "level", "type": "number" },
            { "name": "trend", "type": "select", "values": ["rising", "falling", "slack"], "maxSelect": 1 },
            { "name": "created", "type": "autodate", "onCreate": true },
            { "name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true },
        ],
    });
    object(definition)
}

/// Mostly an update; now and then a new record, and the oldest goes.
fn change(tx: &mut Tx<'_>, collection: &Arc<Collection>) -> Result<(), RecordError> {
    let Some(asker) = system(tx) else { return Ok(()) };
    let query = Query::new(collection, &asker.tenant, Timestamp::now()).page(RECORDS as u64 + 1, 0);
    let records = tx.select(collection, &query)?;
    let mut random = rand::rng();
    if records.len() < RECORDS / 2 || random.random_ratio(1, 6) {
        if records.len() >= RECORDS {
            delete::delete(tx, &asker, collection, records[0].id())?;
        }
        let taken: Vec<&str> = records.iter().map(|record| record.text("station")).collect();
        let free: Vec<&str> = STATIONS.into_iter().filter(|station| !taken.contains(station)).collect();
        let station = free.get(random.random_range(0..free.len().max(1))).copied().unwrap_or(STATIONS[0]);
        let body = reading(station, random.random_range(-150..=400));
        create::create(tx, &asker, collection, &body)?;
        return Ok(());
    }
    let record = &records[random.random_range(0..records.len())];
    let body = moved(record, random.random_range(-12..=12));
    update::update(tx, &asker, collection, record.id(), &body)?;
    Ok(())
}

fn moved(record: &Record, by: i32) -> Prepared {
    let Some(tidewire_model::Value::Number(level)) = record.get("level") else {
        return reading(record.text("station"), by);
    };
    let trend = match by {
        i32::MIN..=-1 => "falling",
        0 => "slack",
        _ => "rising",
    };
    prepared(json!({ "level": (level + f64::from(by)).clamp(-300.0, 600.0), "trend": trend }))
}

fn reading(station: &str, level: i32) -> Prepared {
    prepared(json!({ "station": station, "level": level, "trend": "slack" }))
}

fn prepared(body: Json) -> Prepared {
    Prepared { body: object(body), ..Prepared::default() }
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// Somebody whom every rule lets pass.
fn system(tx: &Tx<'_>) -> Option<Asker> {
    let superusers = tx.catalog().by_id(Collection::SUPERUSERS_ID)?.clone();
    let record = Arc::new(Record::empty(superusers, TenantId::default()));
    let identity = Identity { record, superuser: true, tenant: TenantId::default(), expires_at: None };
    Some(Asker { principal: Principal::Known(Arc::new(identity)), context: "default", ..Asker::default() })
}
