use crate::world::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidewire_feed::{OnRevoked, Options};
use tidewire_model::{Principal, TenantId};

/// One subscription of user `a` hears `expected` of the writes, each a commit of its own.
async fn check(listen: Listen, writes: &[&str], expected: &[&str]) {
    let world = World::new(options());
    world.commit(&[user("a role=admin tokenKey=k")]);
    let client = world.connect();
    client.set(world.signed_in("a"), vec![listen.now()]).await;
    for write in writes {
        world.commit(&[post(write)]);
    }
    assert_eq!(client.read_to_end(&world).await, expected, "{} {writes:?}", listen.rule);
}

#[tokio::test]
async fn every_action_is_judged_on_the_images() {
    let writes =
        ["r owner=a n=1", "r n=2", "r owner=b", "r n=3", "r owner=a", "r gone", "s owner=b", "s gone"];
    let leaving = |rule| Listen { leave: true, ..Listen::to("l", rule) };
    let all = [
        "2 l create r",
        "3 l update r",
        "4 l update r",
        "5 l update r",
        "6 l update r",
        "7 l delete r",
        "8 l create s",
        "9 l delete s",
    ];
    let own = ["2 l create r", "3 l update r", "6 l update r", "7 l delete r"];
    let own_and_leave = ["2 l create r", "3 l update r", "4 l leave r", "6 l update r", "7 l delete r"];
    check(Listen::to("l", ""), &writes, &all).await;
    check(leaving(""), &writes, &all).await;
    check(Listen::to("l", "owner = @request.auth.id"), &writes, &own).await;
    check(leaving("owner = @request.auth.id"), &writes, &own_and_leave).await;
    check(Listen::to("l", "owner = 'a'"), &writes, &own).await;
    check(leaving("owner = 'a' && n = 2"), &writes, &["3 l update r", "4 l leave r", "6 l update r"][..2])
        .await;
    check(Listen::to("l", "n = 2"), &writes, &["3 l update r", "4 l update r"]).await;
    check(leaving("n = 2"), &writes, &["3 l update r", "4 l update r", "5 l leave r"]).await;
    check(Listen::to("l", "@request.auth.role = 'guest'"), &writes, &[]).await;
    check(Listen { record: Some("s"), ..leaving("") }, &writes, &all[6..]).await;
    check(
        Listen { record: Some("r"), ..leaving("owner = 'b'") },
        &writes,
        &["4 l update r", "5 l update r", "6 l leave r"],
    )
    .await;
    check(Listen { collection: USERS, ..Listen::to("l", "") }, &writes, &[]).await;
    check(Listen { tenant: TenantId::new("other"), ..Listen::to("l", "") }, &writes, &[]).await;
    check(Listen { slow: Slow::Store, ..leaving("owner = 'a'") }, &writes, &own_and_leave).await;
}

#[tokio::test]
async fn values_are_found_by_either_image() {
    let world = World::new(options());
    let mut clients = Vec::new();
    for owner in ["a", "b", "c"] {
        let client = world.connect();
        let listen = Listen { leave: true, ..Listen::to(owner, &format!("owner = '{owner}'")) };
        client.listen(&listen).await;
        clients.push(client);
    }
    world.commit(&[
        post("r owner=a"),
        post("r owner=b"),
        post("r owner=b"),
        post("r owner=c"),
        post("r gone"),
    ]);
    for (client, expected) in clients.iter().zip([
        vec!["1 a create r", "2 a leave r"],
        vec!["2 b update r", "3 b update r", "4 b leave r"],
        vec!["4 c update r", "5 c delete r"],
    ]) {
        assert_eq!(client.read_to_end(&world).await, expected);
    }
}

#[tokio::test]
async fn overlapping_subscriptions_each_have_their_frame() {
    let world = World::new(options());
    let client = world.connect();
    let subscriptions = vec![
        Listen::to("x", "").now(),
        Listen { record: Some("r"), ..Listen::to("y", "") }.now(),
        Listen::to("z", "n = 1").now(),
        Listen::to("z", "").now(),
    ];
    client.set(Principal::Guest, subscriptions).await;
    world.commit(&[post("r n=1"), post("s n=1")]);
    let mut lines = client.read_to_end(&world).await;
    lines[..3].sort();
    lines[3..].sort();
    assert_eq!(lines, ["1 x create r", "1 y create r", "1 z create r", "2 x create s", "2 z create s"]);
}

#[tokio::test]
async fn a_set_replaces_but_keeps_what_has_the_same_name() {
    let world = World::new(options());
    let client = world.connect();
    let (a, b) = (Listen::to("a", ""), Listen::to("b", ""));
    client.set(Principal::Guest, vec![a.now(), b.now()]).await;
    world.commit(&[post("r n=1")]);
    // the same name is the same subscription, whatever stands behind it
    client.set(Principal::Guest, vec![Listen::to("b", "n = 9").now()]).await;
    world.commit(&[post("r n=2")]);
    client.set(Principal::Guest, vec![]).await;
    world.commit(&[post("r n=3")]);
    client.set(Principal::Guest, vec![a.now()]).await;
    world.commit(&[post("r n=4")]);
    let mut lines = client.read_to_end(&world).await;
    lines[..2].sort();
    assert_eq!(lines, ["1 a create r", "1 b create r", "2 b update r", "4 a update r"]);
}

#[tokio::test]
async fn messages_and_changes_have_one_order() {
    let world = World::new(options());
    let (one, two) = (world.connect(), world.connect());
    for client in [&one, &two] {
        client.set(Principal::Guest, vec![Listen::to("p", "").now(), Listen::message("news").now()]).await;
    }
    world.commit(&[post("r n=1")]);
    world.publish("news", "first").await;
    world.publish("other", "unheard").await;
    world.commit(&[post("r n=2")]);
    world.publish("news", "second").await;
    for client in [&one, &two] {
        let lines = client.read_to_end(&world).await;
        assert_eq!(lines, ["1 p create r", "news first", "2 p update r", "news second"]);
    }
}

#[tokio::test]
async fn what_nobody_needs_is_removed() {
    let world = World::new(options());
    let clients: Vec<Client> = (0..10).map(|_| world.connect()).collect();
    for (index, client) in clients.iter().enumerate() {
        let rule = format!("owner = '{}'", index % 3);
        let own = Listen::to("own", &rule);
        client.connection.set(Principal::Guest, vec![Listen::to("all", "").now(), own.now()]).await;
    }
    let stats = world.feed.stats();
    assert_eq!((stats.connections, stats.subscriptions, stats.classes), (10, 20, 4));
    world.commit(&[post("r owner=1")]);
    world.sync().await;
    assert_eq!(world.feed.stats().deliveries, 10 + 3);
    drop(clients);
    world.sync().await;
    let stats = world.feed.stats();
    assert_eq!((stats.connections, stats.subscriptions, stats.classes), (0, 0, 0));
}

#[tokio::test]
async fn a_stopped_feed_lets_its_readers_finish() {
    let world = World::new(options());
    let (client, late) = (world.connect(), world.connect());
    client.connection.push("hello".into());
    client.listen(&Listen::to("p", "")).await;
    world.commit(&[post("r n=1"), post("r n=2")]);
    world.feed.stop();
    assert_eq!(client.read_until_closed().await, ["hello", "1 p create r", "2 p update r"]);
    assert_eq!(late.read().await, None);
    late.listen(&Listen::to("p", "")).await;
    world.publish("x", "").await;
    assert_eq!(world.feed.connect(OnRevoked::Close).id().0, 3);
    assert_eq!(world.connect().read().await, None);
}

#[tokio::test]
async fn a_closed_connection_ends_after_what_is_queued() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen::to("p", "")).await;
    world.commit(&[post("r n=1")]);
    world.sync().await;
    client.connection.close();
    client.connection.push("too late".into());
    world.commit(&[post("r n=2")]);
    assert_eq!(client.read_until_closed().await, ["1 p create r"]);
}

#[tokio::test]
async fn a_panic_of_a_dialect_costs_its_own_frames_only() {
    let world = World::new(options());
    let (client, other) = (world.connect(), world.connect());
    let panics = |slow| Listen { slow, ..Listen::to("panics", "") };
    let subscriptions = vec![panics(Slow::Panic).now(), Listen::to("fine", "").now()];
    client.set(Principal::Guest, subscriptions).await;
    other
        .set(Principal::Guest, vec![Listen::to("broken rule", "n n n").now(), Listen::to("fine", "").now()])
        .await;
    world.commit(&[post("r n=1")]);
    for client in [client, other] {
        assert_eq!(client.read_to_end(&world).await, ["1 fine create r"]);
    }
}

/// Rules that differ, frames that do not: each way to tell a change is made into bytes once.
#[tokio::test]
async fn classes_that_differ_in_their_rule_alone_share_frames() {
    let world = World::new(options());
    let made = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for limit in 0..6 {
        let client = world.connect();
        let rule = format!("n > {limit} || owner = 'x'");
        client.listen(&Listen { leave: true, made: made.clone(), ..Listen::to("l", &rule) }).await;
        clients.push(client);
    }
    assert_eq!(world.feed.stats().classes, 6 + 6, "each listens to its end as well");
    for (write, frames) in [("r n=6", 1), ("r n=3", 2), ("r n=9", 1), ("r gone", 1)] {
        let before = made.load(Relaxed);
        world.commit(&[post(write)]);
        world.sync().await;
        assert_eq!(made.load(Relaxed) - before, frames, "{write}");
    }
    for (limit, client) in clients.iter().enumerate() {
        let told = if limit < 3 { "update" } else { "leave" };
        let expected = ["1 l create r", &format!("2 l {told} r"), "3 l update r", "4 l delete r"];
        assert_eq!(client.read_to_end(&world).await, expected, "n > {limit}");
    }
}

#[tokio::test]
async fn what_waits_is_weighed() {
    let world = World::new(Options { outbox_bytes: 1000, ..options() });
    let (reader, stalled) = (world.connect(), world.connect());
    for client in [&reader, &stalled] {
        client.listen(&Listen { length: 100, ..Listen::to("l", "") }).await;
    }
    world.commit(&[post("r"), post("s")]);
    assert_eq!(reader.read_to_end(&world).await.len(), 2);
    let weight = world.feed.weigh().await;
    assert_eq!((weight.topics, weight.behind, weight.ring), (3, 0, 2), "posts and two ends");
    assert_eq!((weight.outbox_bytes, weight.outbox_largest), (200, 200));
    let many: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    for write in &many {
        world.commit(&[post(write)]);
        reader.read_lines(1).await;
    }
    let weight = world.feed.weigh().await;
    assert_eq!((weight.behind, weight.outbox_largest), (1, 1000), "one is full and falls back to the log");
    assert_eq!(stalled.read_to_end(&world).await.len(), 22);
    assert_eq!(world.feed.weigh().await.behind, 0);
}
