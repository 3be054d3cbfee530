//! Where reads are done, and how SQLite finds rows.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use std::sync::{Arc, Mutex};
use std::thread;
use support::{Folder, collection, insert, posts, record, save, tenant};
use tidewire_model::{Language, TenantId, Timestamp, Value};
use tidewire_rules::{Audience, Expr, Facts, Limits, Query, Residual, Rule};
use tidewire_store::{Snapshot, StoreError};

#[test]
fn long_reads_are_done_anew_on_another_thread() {
    let folder = Folder::new();
    let store = folder.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let here = thread::current().id();
    for (rows, places) in [(10, [true].as_slice()), (20_000, &[true, false]), (0, &[false])] {
        let posts = save(&store, posts());
        let known = posts.clone();
        let filled = store.write_blocking(move |tx| {
            for number in 0..rows {
                tx.insert(record(&known, &format!("{rows}-{number}"), &[("n", Value::Number(1.0))]), "")?;
            }
            Ok::<_, StoreError>(())
        });
        filled.unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let known = posts.clone();
        let count = runtime.block_on(store.read_shortly(&posts.id, move |view| {
            sink.lock().unwrap().push(thread::current().id() == here);
            let query = Query::new(&known, &tenant(), Timestamp::now());
            view.count(&query.filter(&condition(view, "n = 1")))
        }));
        let all = if rows == 10 { 10 } else { 20_010 };
        assert_eq!(count, Ok(all));
        assert_eq!(*seen.lock().unwrap(), places, "{rows}");
    }
}

#[test]
fn the_index_over_tenants_serves_where_there_are_several() {
    let folder = Folder::new();
    let store = folder.open();
    let unique = "CREATE UNIQUE INDEX one ON plans (title)";
    let fields = [("f_t", "title", "text", json!({})), ("f_n", "n", "number", json!({}))];
    let plans = save(&store, collection("plans", &fields, &[unique]));
    let add = |id: &str, of: &str| {
        let mut record = record(&plans, id, &[("title", Value::text(id))]);
        record.tenant = TenantId::new(of);
        insert(&store, record).unwrap();
    };
    add("a", "default");
    let plan = |of: &str, filter: &str| {
        let read = store.read_here::<_, StoreError, _>(|view| {
            let query = Query::new(&plans, &TenantId::new(of), Timestamp::now());
            view.explain(&query.filter(&condition(view, filter)).page(30, 0))
        });
        read.unwrap().join("; ")
    };
    assert_eq!(plan("default", "n = 1"), "SCAN r");
    assert!(plan("default", "title = 'a'").ends_with("(tw:tenant=? AND title=?)"));
    assert!(plan("other", "n = 1").starts_with("SEARCH"));
    add("b", "other");
    assert!(plan("default", "n = 1").starts_with("SEARCH"));
}

fn condition(view: &Snapshot<'_>, text: &str) -> Residual {
    let expr = Expr::parse_in(Language::PocketBase, text, Limits::default()).unwrap();
    let collection = view.catalog().all()[0].clone();
    let rule = Rule::resolve(&expr, view.catalog(), &tenant(), &collection, Audience::Superuser).unwrap();
    rule.bind(&Facts::default())
}
