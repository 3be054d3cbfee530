//! Creates per second by so many concurrent writers, and point reads per second on the caller's thread.
//!
//! `cargo run --release -p tidewire-store --example writes [folder]`; figures are only worth comparing within one run.

use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidewire_model::{Collection, Record, TenantId, Value, id};
use tidewire_store::{Options, Store, StoreError};

const TIME: Duration = Duration::from_secs(3);

fn main() -> Result<()> {
    let given = std::env::args().nth(1).map(std::path::PathBuf::from);
    let temporary = tempfile::TempDir::new()?;
    let folder = given.unwrap_or_else(|| temporary.path().to_owned());
    let store = Store::open(&folder, Options::default(), Box::new(|_| ()))?;
    let collection = store.write_blocking(|tx| tx.save_collection(collection()?))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for writers in [1, 16, 64, 256] {
        let mut times = runtime.block_on(write(&store, &collection, writers))?;
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!(
            "{writers:>4} writers: {:>7.0} creates/s, p50 {:?}, p99 {:?}, max {:?}",
            times.len() as f64 / TIME.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    println!("point reads here: {:.0}/s", read(&store, &collection)?);
    store.close();
    Ok(())
}

async fn write(store: &Store, collection: &Arc<Collection>, writers: usize) -> Result<Vec<Duration>> {
    let end = Instant::now() + TIME;
    let mut tasks = Vec::new();
    for _ in 0..writers {
        let (store, collection) = (store.clone(), collection.clone());
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                let record = record(&collection);
                store.write(move |tx| tx.insert(record, "users/abcdefghijklmno")).await?;
                times.push(start.elapsed());
            }
            Ok::<_, StoreError>(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(times)
}

fn read(store: &Store, collection: &Arc<Collection>) -> Result<f64> {
    let tenant = TenantId::default();
    let changes = store.read_here(|view| view.changes_after(0, 1000))?;
    let ids = changes.iter().map(|change| change.record().id());
    let ids: Vec<_> = ids.collect();
    let (start, mut reads) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        for id in &ids {
            store.read_here(|view| view.get(collection, &tenant, id))?.context("a record is gone")?;
            reads += 1;
        }
    }
    Ok(f64::from(reads) / start.elapsed().as_secs_f64())
}

fn collection() -> Result<Collection, StoreError> {
    Ok(serde_json::from_value(serde_json::json!({
        "id": "posts", "name": "posts", "type": "base", "system": false, "created": "", "updated": "",
        "fields": [
            {"id": "f1", "name": "id", "type": "text"}, {"id": "f2", "name": "title", "type": "text"},
            {"id": "f3", "name": "owner", "type": "relation", "collectionId": "users"},
            {"id": "f4", "name": "n", "type": "number"}, {"id": "f5", "name": "created", "type": "autodate"},
            {"id": "f6", "name": "updated", "type": "autodate"},
        ],
        "indexes": ["CREATE INDEX i ON posts (owner)"],
    }))?)
}

fn record(collection: &Arc<Collection>) -> Record {
    let mut record = Record::empty(collection.clone(), TenantId::default());
    record.set("id", Value::text(&id::record_id()));
    record.set("title", Value::text("A title of some forty characters or more"));
    record.set("owner", Value::text(&id::record_id()));
    record.set("n", Value::Number(42.0));
    for field in ["created", "updated"] {
        record.set(field, Value::text("2026-01-01 00:00:00.000Z"));
    }
    record
}
