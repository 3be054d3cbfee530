//! Messages that are kept. Their data stand in the log of changes, where replays read them; beside it is noted where, so that
//! each topic can be held within its own bounds. Whatever goes leaves an empty image behind: places in the log stay dense.

use crate::image as images;
use crate::{Snapshot, StoreError};
use rusqlite::{Connection, OptionalExtension};
use tidewire_model::message::messages;
use tidewire_model::{Catalog, Record, Seq, TenantId, Timestamp, TopicRule, Value};

/// messages that are looked at in one transaction
const BATCH: i64 = 1000;

/// A message of a topic.
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) topic: &'a str,
    pub(crate) seq: Seq,
}

pub(crate) fn image(tenant: &TenantId, id: &str, topic: &str, data: &str) -> Record {
    let values = [id, topic, data].map(Value::text).into();
    Record { collection: messages().clone(), tenant: tenant.clone(), values }
}

impl Snapshot<'_> {
    /// The last message of the topic that is kept no longer; 0 if all of them are, as far as the log reaches.
    pub fn topic_floor(&self, tenant: &TenantId, topic: &str) -> Result<Seq, StoreError> {
        let sql = "SELECT gone FROM tw_topic WHERE tenant=? AND topic=?";
        let mut statement = self.connection().prepare_cached(sql)?;
        let gone: Option<i64> = statement.query_row((tenant.as_str(), topic), |row| row.get(0)).optional()?;
        Ok(gone.unwrap_or(0) as u64)
    }
}

/// Notes a new message.
pub(crate) fn add(
    connection: &Connection,
    place: &Place<'_>,
    bytes: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Place { tenant, topic, seq } = place;
    let bytes = bytes as i64;
    let mut statement = connection.prepare_cached("INSERT INTO tw_message VALUES (?,?,?,?,?)")?;
    statement.execute((*seq as i64, tenant.as_str(), topic, bytes, at.millis()))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO tw_topic VALUES (?,?,0,1,?) \
         ON CONFLICT (tenant, topic) DO UPDATE SET count=count+1, bytes=bytes+excluded.bytes",
    )?;
    statement.execute((tenant.as_str(), topic, bytes))?;
    Ok(())
}

/// Lets the oldest messages of a topic go until it is within its bounds of number and bytes; its newest always stays.
pub(crate) fn trim(connection: &Connection, newest: &Place<'_>, rule: &TopicRule) -> Result<(), StoreError> {
    let Place { tenant, topic, seq } = newest;
    let mut size =
        connection.prepare_cached("SELECT count, bytes FROM tw_topic WHERE tenant=? AND topic=?")?;
    let mut oldest = connection.prepare_cached(
        "SELECT seq FROM tw_message WHERE tenant=? AND topic=? AND seq < ? ORDER BY seq LIMIT 1",
    )?;
    loop {
        let (count, bytes) = size.query_row((tenant.as_str(), topic), |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
        })?;
        let fits = (rule.max_messages == 0 || count <= rule.max_messages)
            && (rule.max_bytes == 0 || bytes <= rule.max_bytes);
        if fits {
            return Ok(());
        }
        let found = oldest
            .query_row((tenant.as_str(), topic, *seq as i64), |row| Ok(row.get::<_, i64>(0)? as u64))
            .optional()?;
        let Some(seq) = found else { return Ok(()) };
        forget(connection, &Place { tenant, topic, seq })?;
    }
}

/// Takes a message's data away. It must be the oldest of its topic.
fn forget(connection: &Connection, place: &Place<'_>) -> Result<(), StoreError> {
    let Place { tenant, topic, seq } = place;
    let empty = images::encode(&image(tenant, "", topic, ""));
    let mut statement = connection.prepare_cached("UPDATE tw_change SET new=? WHERE seq=?")?;
    statement.execute((empty, *seq as i64))?;
    let mut statement = connection.prepare_cached("DELETE FROM tw_message WHERE seq=? RETURNING bytes")?;
    let bytes: Option<i64> = statement.query_row([*seq as i64], |row| row.get(0)).optional()?;
    let Some(bytes) = bytes else { return Ok(()) };
    let mut statement = connection.prepare_cached(
        "UPDATE tw_topic SET gone=MAX(gone, ?), count=count-1, bytes=bytes-? WHERE tenant=? AND topic=?",
    )?;
    statement.execute((*seq as i64, bytes, tenant.as_str(), topic))?;
    Ok(())
}

/// Lets messages go whose time is over, or whose topic is no longer one that keeps them. Looks at a batch of those after
/// `from`; returns where to go on, `None` at the end.
pub(crate) fn sweep(
    connection: &mut Connection,
    catalog: &Catalog,
    from: Seq,
    now: Timestamp,
) -> Result<Option<Seq>, StoreError> {
    let transaction = connection.transaction()?;
    let looked = old_ones(&transaction, catalog, from, now)?;
    for (tenant, topic, seq) in &looked.over {
        forget(&transaction, &Place { tenant, topic, seq: *seq })?;
    }
    transaction.commit()?;
    Ok(looked.next)
}

struct Looked {
    over: Vec<(TenantId, String, Seq)>,
    next: Option<Seq>,
}

fn old_ones(
    connection: &Connection,
    catalog: &Catalog,
    from: Seq,
    now: Timestamp,
) -> Result<Looked, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT seq, tenant, topic, at FROM tw_message WHERE seq > ? ORDER BY seq LIMIT ?")?;
    let mut rows = statement.query((from as i64, BATCH))?;
    let (mut over, mut last, mut count) = (Vec::new(), from, 0);
    while let Some(row) = rows.next()? {
        (last, count) = (row.get::<_, i64>(0)? as u64, count + 1);
        let topic = row.get_ref(2)?.as_str().unwrap_or("");
        let age = now.millis().saturating_sub(row.get(3)?).max(0) as u64;
        let is_over = match catalog.topics().keeping(topic) {
            None => true,
            Some(rule) => rule.max_age > 0 && age > rule.max_age.saturating_mul(1000),
        };
        if is_over {
            let tenant = TenantId::new(row.get_ref(1)?.as_str().unwrap_or(""));
            over.push((tenant, topic.to_owned(), last));
        }
    }
    Ok(Looked { over, next: (count == BATCH).then_some(last) })
}

/// Follows the log, of which everything up to `floor` was deleted. Topics of which nothing is left are forgotten.
pub(crate) fn purge(connection: &Connection, floor: Seq) -> Result<(), StoreError> {
    let floor = floor as i64;
    let mut statement = connection.prepare_cached(
        "UPDATE tw_topic SET gone=MAX(gone, o.last), count=tw_topic.count-o.messages, bytes=tw_topic.bytes-o.size \
         FROM (SELECT tenant, topic, MAX(seq) AS last, COUNT(*) AS messages, SUM(bytes) AS size \
               FROM tw_message WHERE seq <= ? GROUP BY tenant, topic) o \
         WHERE o.tenant=tw_topic.tenant AND o.topic=tw_topic.topic",
    )?;
    if statement.execute([floor])? > 0 {
        connection.prepare_cached("DELETE FROM tw_message WHERE seq <= ?")?.execute([floor])?;
        // a full walk over the topics, once for each batch of the log that had messages in it
        connection.prepare_cached("DELETE FROM tw_topic WHERE count <= 0 AND gone <= ?")?.execute([floor])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tidewire_model::{TopicRule, Topics};

    #[test]
    fn an_image_comes_back_as_it_was() {
        let tenant = TenantId::default();
        let text = images::encode(&image(&tenant, "i", "a \"b\"", r#"{"x":"\u00e9"}"#));
        let read = images::decode(&text, messages(), &tenant).unwrap();
        assert_eq!(read.text("topic"), "a \"b\"");
        assert_eq!(read.text("data"), r#"{"x":"\u00e9"}"#);
        assert!(Arc::ptr_eq(&read.collection, messages()));
    }

    /// A message a second from 1 on; each is one of two topics.
    fn filled() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::state::prepare(&mut connection).unwrap();
        let tenant = TenantId::default();
        for seq in 1..=3000 {
            let topic = if seq % 2 == 0 { "even" } else { "odd" };
            let place = Place { tenant: &tenant, topic, seq };
            add(&connection, &place, 10, Timestamp(seq as i64 * 1000)).unwrap();
        }
        connection
    }

    fn sizes(connection: &Connection) -> String {
        let mut statement =
            connection.prepare("SELECT topic, gone, count, bytes FROM tw_topic ORDER BY topic").unwrap();
        let rows = statement.query_map((), |row| {
            let (topic, gone): (String, i64) = (row.get(0)?, row.get(1)?);
            Ok(format!("{topic} {gone} {} {}", row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
        });
        rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join(", ")
    }

    #[test]
    fn a_sweep_takes_what_is_too_old_a_batch_at_a_time() {
        let mut connection = filled();
        let rule = |prefix: &str, max_age| TopicRule {
            prefix: prefix.into(),
            durable: true,
            max_age,
            ..TopicRule::default()
        };
        let topics = Topics { rules: vec![rule("even", 1000), rule("odd", 0)] };
        let catalog = Catalog::new(1, Vec::new()).with_topics(Arc::new(topics));
        for (from, expected) in [
            (0, "even 1000 1000 10000, odd 0 1500 15000"),
            (1000, "even 1998 501 5010, odd 0 1500 15000"),
            (2000, "even 1998 501 5010, odd 0 1500 15000"),
        ] {
            let next = sweep(&mut connection, &catalog, from, Timestamp(3_000_000));
            assert_eq!((next, sizes(&connection).as_str()), (Ok(Some(from + 1000)), expected));
        }
        assert_eq!(sweep(&mut connection, &catalog, 3000, Timestamp(3_000_000)), Ok(None));
        purge(&connection, 2500).unwrap();
        assert_eq!(sizes(&connection), "even 2500 250 2500, odd 2499 250 2500");
        purge(&connection, 3000).unwrap();
        assert_eq!(sizes(&connection), "");
    }
}
