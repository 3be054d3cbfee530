//! `GET /metrics`: what store, feed and process hold and have done, as Prometheus reads it.

mod calls;

use crate::admit::Gatekeeper;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tidewire_auth::Passwords;
use tidewire_connection::events::Events;
use tidewire_feed::{Feed, Weight};
use tidewire_model::{TenantId, timings};
use tidewire_records::hooks::{Follower, Followers};
use tidewire_records::sign_in;
use tidewire_store::Store;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is measured.
#[derive(Clone)]
pub struct Metrics {
    pub store: Store,
    pub feed: Feed,
    pub gatekeeper: Arc<Gatekeeper>,
    pub passwords: Passwords,
    pub followers: Followers,
    pub events: Events,
}

/// All of it at one moment.
struct Scrape {
    metrics: Metrics,
    weight: Weight,
}

/// Answers requests from this machine, and those of superusers.
pub fn routes<S: Clone + Send + Sync + 'static>(metrics: Metrics) -> Router<S> {
    Router::new().route("/metrics", get(async move |request: Request| answer(&metrics, request).await))
}

async fn answer(metrics: &Metrics, request: Request) -> Response {
    if !is_local(&request) && !is_superuser(metrics, request.headers()) {
        return (StatusCode::FORBIDDEN, "Metrics are for superusers, and for requests from this machine.\n")
            .into_response();
    }
    let mut registry = Registry::with_prefix("tidewire");
    let scrape = Scrape { metrics: metrics.clone(), weight: metrics.feed.weigh().await };
    registry.register_collector(Box::new(scrape));
    let mut out = String::new();
    match text::encode(&mut out, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], out).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A proxy on this machine is no local reader: it tells whom it speaks for.
fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let headers = request.headers();
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback())
        && !forwarded.iter().any(|name| headers.contains_key(*name))
}

fn is_superuser(metrics: &Metrics, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = given.strip_prefix("Bearer ").unwrap_or(given);
    !token.is_empty() && sign_in::principal(&metrics.store, token, &TenantId::default()).is_superuser()
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.weight_numbers(&mut page)?;
        let Self { metrics, .. } = self;
        metrics.feed_numbers(&mut page)?;
        metrics.store_numbers(&mut page)?;
        metrics.door_numbers(&mut page)?;
        metrics.hook_numbers(&mut page)?;
        metrics.call_numbers(&mut page)?;
        if let Some(bytes) = resident() {
            page.gauge("resident_bytes", "Memory of the process that is in use", bytes)?;
        }
        Ok(())
    }
}

impl Scrape {
    fn weight_numbers(&self, page: &mut Page<'_>) -> fmt::Result {
        let weight = &self.weight;
        page.gauges(&[
            ("topics", "Collections, records and names that somebody listens to", weight.topics),
            (
                "outbox_bytes",
                "Bytes that wait in all connections' queues; shared ones count for each",
                weight.outbox_bytes,
            ),
            ("outbox_largest_bytes", "Bytes that wait in the fullest of these queues", weight.outbox_largest),
            ("behind", "Connections that are served from the log", weight.behind),
            ("held_bytes", "Bytes of messages that wait for connections which are behind", weight.held_bytes),
            ("ring", "Changes kept in memory", weight.ring),
            ("room_history_bytes", "Bytes of messages that rooms keep", weight.history_bytes),
        ])
    }
}

impl Metrics {
    /// Of each group of after-hooks that follows the log.
    fn hook_numbers(&self, page: &mut Page<'_>) -> fmt::Result {
        let groups = self.followers.list();
        let of = |number: fn(&Follower) -> u64| {
            let pairs = groups.iter().map(move |group| (&*group.group, number(group)));
            pairs.collect::<Vec<_>>()
        };
        page.gauges_of(
            "after_hook_lag",
            "Changes that after-hooks were not called for yet",
            &of(|one| one.lag),
        )?;
        page.counters_of("after_hook_calls", "Calls of after-hooks", &of(|one| one.calls))?;
        page.counters_of(
            "after_hook_retries",
            "Calls that failed and were made again",
            &of(|one| one.retries),
        )?;
        let help = "Changes that an after-hook was given up for";
        page.counters_of("after_hook_given_up", help, &of(|one| one.given_up))?;
        let help = "Farewells and sign-ins that hooks are still to be told of";
        page.gauge("hook_events_waiting", help, self.events.waiting() as u64)?;
        let help = "Farewells and sign-ins that hooks were never told of because too many waited";
        page.counter("hook_events_lost", help, self.events.lost())
    }

    fn door_numbers(&self, page: &mut Page<'_>) -> fmt::Result {
        let (gatekeeper, passwords) = (&self.gatekeeper, &self.passwords);
        page.gauge("sockets", "Open sockets, whatever they speak", gatekeeper.open() as u64)?;
        page.counter("sockets_refused", "Sockets beyond the limits", gatekeeper.refused())?;
        page.gauge("password_queue", "Passwords that wait to be hashed", passwords.waiting() as u64)?;
        let help = "Passwords turned away because too many waited";
        page.counter("passwords_refused", help, passwords.refused())
    }

    fn feed_numbers(&self, page: &mut Page<'_>) -> fmt::Result {
        let stats = self.feed.stats();
        page.gauges(&[
            ("connections", "Clients of the feed: event streams and WebSockets", stats.connections),
            ("subscriptions", "Subscriptions of all connections", stats.subscriptions),
            ("classes", "Sets of subscriptions that are decided and encoded once", stats.classes),
            ("rooms", "Rooms and broadcast channels in use", stats.rooms),
            ("room_members", "Connections in rooms and broadcast channels", stats.members),
            ("feed_queue", "Commits and commands that wait for the hub", stats.input),
            ("question_queue", "Rules that wait to be judged by the store", stats.slow),
            ("replay_queue", "Replays that wait for a thread", stats.replay),
            ("answers", "Answers of the store to rules that are kept", stats.answers),
        ])?;
        page.counters(&[
            ("changes", "Committed changes that the feed applied", stats.changes),
            ("deliveries", "Frames given to connections, without replays", stats.deliveries),
            ("delivered_bytes", "Bytes of these frames", stats.bytes),
            ("messages", "Custom messages and messages of rooms", stats.messages),
            (
                "overflows",
                "Connections that fell back to the log because their queue was full",
                stats.overflows,
            ),
            ("abandoned", "Connections closed because they let too many messages wait", stats.abandoned),
            ("replays", "Replays from the log that were begun", stats.replays),
            ("log_reads", "Pages of changes that replays read from the log", stats.log_reads),
            ("resets", "Connections told that what they missed is gone", stats.resets),
            ("questions", "Rules that the store had to judge", stats.questions),
            ("question_calls", "Calls of the store that asked for them", stats.question_calls),
            ("recalled", "Rules judged by what the store had said before", stats.recalled),
            ("recovered", "Changes read from the log because the feed's queue was full", stats.recovered),
            ("revoked", "Connections whose sign-in lost its validity", stats.revoked),
        ])?;
        let help = "From the announcement of a commit to the last wake of a reader";
        page.histogram("fan_out_seconds", help, &self.feed.fan_outs().read())
    }

    fn store_numbers(&self, page: &mut Page<'_>) -> fmt::Result {
        let (writes, reads) = self.store.waiting();
        page.gauge("write_queue", "Writes that wait for the writer", writes as u64)?;
        page.gauge("read_queue", "Reads that wait for a reader", reads as u64)?;
        page.gauge("head", "Position of the last commit", self.store.head())?;
        page.gauge("floor", "Position below which changes are gone", self.store.floor())?;
        let help = "Duration of write transactions, with waiting for the disk";
        page.histogram("commit_seconds", help, &self.store.commits().read())?;
        page.counter("writes", "Write jobs that these transactions did", self.store.jobs())?;
        let checkpoints = self.store.checkpoints();
        page.gauge("log_pages", "Pages in the write-ahead log", checkpoints.waiting.into())?;
        page.counter("checkpointed_pages", "Pages of logs that were moved into the file", checkpoints.moved)?;
        let help = "Duration of steps that moved pages of the write-ahead log into the file";
        page.histogram("checkpoint_seconds", help, &checkpoints.seconds.read())
    }
}

/// What is written to, a metric at a time.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauges(&mut self, numbers: &[(&str, &str, u64)]) -> fmt::Result {
        numbers.iter().try_for_each(|(name, help, value)| self.gauge(name, help, *value))
    }

    fn counters(&mut self, numbers: &[(&str, &str, u64)]) -> fmt::Result {
        numbers.iter().try_for_each(|(name, help, value)| self.counter(name, help, *value))
    }

    fn gauges_of(&mut self, name: &str, help: &str, values: &[(&str, u64)]) -> fmt::Result {
        if values.is_empty() {
            return Ok(());
        }
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (group, value) in values {
            let value = i64::try_from(*value).unwrap_or(i64::MAX);
            metric.encode_family(&[("group", *group)])?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counters_of(&mut self, name: &str, help: &str, values: &[(&str, u64)]) -> fmt::Result {
        if values.is_empty() {
            return Ok(());
        }
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (group, value) in values {
            metric.encode_family(&[("group", *group)])?.encode_counter::<NoLabelSet, _, u64>(value, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn histogram(&mut self, name: &str, help: &str, reading: &timings::Reading) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let count = reading.counts.iter().map(|(_, count)| count).sum();
        // the encoder writes this number as "+Inf"
        let bound = |bound: f64| if bound.is_finite() { bound } else { f64::MAX };
        let buckets: Vec<_> = reading.counts.iter().map(|(limit, count)| (bound(*limit), *count)).collect();
        metric.encode_histogram::<NoLabelSet>(reading.sum, count, &buckets, None)
    }
}

/// `None` where the system does not tell.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
