//! What a change costs the feed's threads when rules read other records.
//!
//! `cargo run --release -p tidewire-server --example slow_lane`

use bytes::Bytes;
use serde_json::{Value as Json, json};
use std::future::poll_fn;
use std::sync::Arc;
use tidewire_feed::*;
use tidewire_model::*;
use tidewire_rules::{Audience, Expr, Facts, Limits, Residual, Rule};
use tidewire_server::app::App;
use tidewire_server::config::Config;
use tidewire_store::{Durability, Store, StoreError};

const CHANGES: usize = 200;

struct Listen {
    rule: &'static str,
    person: Arc<Record>,
}

impl Listen {
    fn gate(&self, catalog: &Arc<Catalog>) -> Option<Residual> {
        let tenant = TenantId::default();
        let expr = Expr::parse(self.rule, Limits::default()).ok()?;
        let rule = Rule::resolve(&expr, catalog, &tenant, catalog.by_id("posts")?, Audience::Rule).ok()?;
        let record = self.person.clone();
        let identity = Identity { record, superuser: false, tenant, expires_at: None };
        Some(rule.bind(&Facts { principal: Principal::Known(Arc::new(identity)), ..Facts::default() }))
    }
}

impl Interest for Listen {
    fn classes(&self, catalog: &Arc<Catalog>, _: &Principal) -> Vec<ClassSpec> {
        let gate = self.gate(catalog).unwrap_or_else(Residual::never);
        let topic = Topic::Collection { tenant: TenantId::default(), collection: "posts".into() };
        vec![ClassSpec { topic, gate, leave: false, projection: String::new(), encoder: Arc::new(Frames) }]
    }
}

struct Frames;

impl Encoder for Frames {
    fn encode(&self, event: &Event<'_>, frame: &mut Vec<u8>) -> bool {
        if let Event::Change { cursor, .. } = event {
            frame.extend_from_slice(cursor.as_bytes());
            frame.resize(400, b'x');
        }
        true
    }
}

fn collection(id: &str, fields: Json, indexes: Json) -> anyhow::Result<Collection> {
    let mut list = vec![json!({"id": "f_id", "name": "id", "type": "text", "primaryKey": true})];
    list.extend(fields.as_array().cloned().unwrap_or_default());
    Ok(serde_json::from_value(json!({
        "id": id, "name": id, "type": "base", "system": false, "fields": list, "indexes": indexes,
        "created": "", "updated": "",
    }))?)
}

fn relation(name: &str, to: &str, max: u32) -> Json {
    json!({"id": format!("f_{name}"), "name": name, "type": "relation", "collectionId": to, "maxSelect": max})
}

struct Bench {
    app: App,
    people: Vec<Arc<Record>>,
    post: Arc<Record>,
    /// what rules read: a team, and a row of the table
    others: [Arc<Record>; 2],
}

impl Bench {
    /// One team of all people; in `members` each is a member of ten teams.
    fn start(dir: &std::path::Path, people: usize) -> anyhow::Result<Self> {
        let mut config = Config::new("127.0.0.1:0".parse()?, dir);
        config.durability = Durability::Checkpoint;
        let app = App::open(&config)?;
        let text = json!({"id": "f_t", "name": "title", "type": "text"});
        let index = json!(["CREATE INDEX `member` ON `members` (`team`)"]);
        let (people, post, others) = app.store.write_blocking(move |tx| {
            let bad = |error: anyhow::Error| StoreError::Database(error.to_string());
            let person = tx.save_collection(collection("people", json!([text]), json!([])).map_err(bad)?)?;
            let teams = json!([text, relation("members", "people", 999)]);
            let team = tx.save_collection(collection("teams", teams, json!([])).map_err(bad)?)?;
            let members = json!([text, relation("team", "teams", 1), relation("person", "people", 1)]);
            let member = tx.save_collection(collection("members", members, index).map_err(bad)?)?;
            let posts = json!([text, relation("team", "teams", 1)]);
            let posts = tx.save_collection(collection("posts", posts, json!([])).map_err(bad)?)?;
            let mut list = Vec::new();
            for number in 0..people {
                list.push(tx.insert(record(&person, &format!("p{number:04}"), &[]), "")?);
                for team in 0..10 {
                    let values = [
                        ("team", Value::text(&format!("t{team}"))),
                        ("person", Value::text(&format!("p{number:04}"))),
                    ];
                    tx.insert(record(&member, &format!("m{number:04}-{team}"), &values), "")?;
                }
            }
            let names = Value::list(list.iter().map(|person| person.id()));
            let team = tx.insert(record(&team, "t0", &[("members", names)]), "")?;
            let post = tx.insert(record(&posts, "r", &[("team", Value::text("t0"))]), "")?;
            let row = tx.insert(record(&member, "other", &[]), "")?;
            Ok::<_, StoreError>((list, post, [team, row]))
        })?;
        Ok(Self { app, people, post, others })
    }

    /// `each` connections for each of the people; `touch`: what the rule reads changes before each change.
    async fn run(&mut self, name: &str, rule: &'static str, each: usize, touch: bool) -> anyhow::Result<()> {
        let mut connections = Vec::new();
        for person in &self.people {
            for _ in 0..each {
                let connection = self.app.feed.connect(OnRevoked::Close);
                let interest = Arc::new(Listen { rule, person: person.clone() });
                let subscription = Subscription { name: "l".into(), interest, start: Start::Now };
                connection.set(Principal::Guest, vec![subscription]).await;
                connections.push(connection);
            }
        }
        let (before, stats) = (feed_cpu(), self.app.feed.stats());
        for number in 0..CHANGES {
            let text = Value::text(&number.to_string());
            if touch {
                for other in &mut self.others {
                    *other = update(&self.app.store, other, "title", &text).await?;
                }
            }
            self.post = update(&self.app.store, &self.post, "title", &text).await?;
            for connection in &connections {
                let mut out = Vec::<Bytes>::new();
                poll_fn(|cx| connection.poll_frames(cx, 4096, &mut out)).await;
            }
        }
        let now = self.app.feed.stats();
        println!(
            "{name}: {:.0} us CPU a change for {} connections in {} classes; questions {}",
            (feed_cpu() - before) as f64 / 1000.0 / CHANGES as f64,
            connections.len(),
            now.classes,
            now.questions - stats.questions,
        );
        drop(connections);
        self.app.feed.settled().await;
        Ok(())
    }
}

fn record(collection: &Arc<Collection>, id: &str, values: &[(&str, Value)]) -> Record {
    let mut record = Record::empty(collection.clone(), TenantId::default());
    record.set("id", Value::text(id));
    values.iter().for_each(|(name, value)| record.set(name, value.clone()));
    record
}

async fn update(
    store: &Store,
    old: &Arc<Record>,
    field: &str,
    value: &Value,
) -> Result<Arc<Record>, StoreError> {
    let mut new = Record::clone(old);
    new.set(field, value.clone());
    let old = old.clone();
    store.write(move |tx| tx.update(&old, new, "")).await
}

/// Nanoseconds that the feed's threads ran, on Linux.
fn feed_cpu() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |path: std::path::PathBuf| {
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        name.starts_with("feed-").then(|| text.split(' ').next()?.parse::<u64>().ok()).flatten()
    };
    tasks.filter_map(|task| of(task.path())).sum()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    const MEMBERS: &str = "team.members.id ?= @request.auth.id";
    const TABLE: &str = "@collection.members.team ?= team && @collection.members.person ?= @request.auth.id";
    let dir = tempfile::tempdir()?;
    let mut bench = Bench::start(dir.path(), 300)?;
    bench.run("members of the team", MEMBERS, 1, false).await?;
    bench.run("members of a team that changes", MEMBERS, 1, true).await?;
    bench.run("table of members", TABLE, 1, false).await?;
    bench.run("table of members that changes", TABLE, 1, true).await?;
    bench.people.truncate(1);
    bench.run("one class of 1000", MEMBERS, 1000, false).await?;
    bench.run("one class of 1000, of a team that changes", MEMBERS, 1000, true).await?;
    bench.app.feed.stop();
    Ok(())
}
