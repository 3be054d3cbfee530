//! What `/metrics` tells, and whom.

use crate::server::Server;
use serde_json::json;

/// The value of the only line of this name.
fn value(text: &str, name: &str) -> f64 {
    let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).collect();
    assert_eq!(lines.len(), 1, "{name} in {text}");
    lines[0].parse().unwrap()
}

#[tokio::test]
async fn numbers_follow_what_happens() {
    let server = Server::start().await;
    server.collection("posts", &["title"], json!({})).await;
    let mut first = server.listen("", &["posts/*"]).await;
    let mut second = server.listen("", &["posts/*"]).await;
    for _ in 0..3 {
        server.create("posts", json!({})).await;
        first.event().await;
        second.event().await;
    }
    let answer = server.request("GET", "/metrics", "", String::new()).await;
    assert!(answer.head.contains("application/openmetrics-text"), "{}", answer.head);
    // each stream of a test also listens to its mark
    for (name, expected) in [
        ("tidewire_connections", 2.0),
        ("tidewire_subscriptions", 4.0),
        ("tidewire_classes", 2.0),
        ("tidewire_deliveries_total", 6.0),
        ("tidewire_overflows_total", 0.0),
        ("tidewire_write_queue", 0.0),
        ("tidewire_password_queue", 0.0),
        ("tidewire_passwords_refused_total", 0.0),
        ("tidewire_sockets_refused_total", 0.0),
        // the collection and the mark
        ("tidewire_topics", 2.0),
        ("tidewire_outbox_bytes", 0.0),
        ("tidewire_outbox_largest_bytes", 0.0),
        ("tidewire_behind", 0.0),
        ("tidewire_held_bytes", 0.0),
        ("tidewire_room_history_bytes", 0.0),
    ] {
        assert_eq!(value(&answer.body, name), expected, "{name}");
    }
    for histogram in ["tidewire_commit_seconds", "tidewire_fan_out_seconds"] {
        let count = value(&answer.body, &format!("{histogram}_count"));
        // the last fan-out may not be counted yet
        assert!(count >= 2.0 && value(&answer.body, &format!("{histogram}_sum")) > 0.0, "{histogram}");
        assert_eq!(value(&answer.body, &format!("{histogram}_bucket{{le=\"+Inf\"}}")), count);
    }
    assert!(value(&answer.body, "tidewire_resident_bytes") > 1e6 && answer.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn only_this_machine_and_superusers_read_them() {
    let server = Server::start().await;
    let bearer = format!("Authorization: Bearer {}", server.token);
    for (headers, status) in [
        (vec![], 200),
        (vec!["X-Forwarded-For: 203.0.113.7"], 403),
        (vec!["Via: 1.1 proxy", "Authorization: Bearer nonsense"], 403),
        (vec!["X-Forwarded-For: 203.0.113.7", &bearer], 200),
    ] {
        let answer = server.get_with("/metrics", &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
}
