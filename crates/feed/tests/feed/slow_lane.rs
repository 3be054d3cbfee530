use crate::world::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidewire_feed::{Options, Subscription};
use tidewire_model::Principal;

const RELATED: &str = "author.role = 'x'";

#[tokio::test]
async fn an_open_question_holds_back_only_what_comes_after_it_on_its_connections() {
    let world = World::new(options());
    let (asking, other) = (world.connect(), world.connect());
    asking
        .set(Principal::Guest, vec![Listen::to("slow", RELATED).now(), Listen::to("fast", "n = 2").now()])
        .await;
    other.listen(&Listen::to("fast", "n = 2")).await;
    world.lookup.barrier.shut();
    world.commit(&[post("r n=1 author=good"), post("s n=2 author=bad"), post("t n=2 author=good")]);
    // the other connection does not wait
    assert_eq!(other.read_lines(2).await, ["2 fast create s", "3 fast create t"]);
    world.lookup.barrier.open();
    let mut lines = asking.read_to_end(&world).await;
    lines[2..].sort();
    assert_eq!(lines, ["1 slow create r", "2 fast create s", "3 fast create t", "3 slow create t"]);
}

#[tokio::test]
async fn leaving_is_asked_as_well() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen { leave: true, ..Listen::to("l", RELATED) }).await;
    for write in ["r author=good", "r author=bad", "r author=bad", "r author=good", "r gone"] {
        world.commit(&[post(write)]);
    }
    let expected = ["1 l create r", "2 l leave r", "4 l update r", "5 l delete r"];
    assert_eq!(client.read_to_end(&world).await, expected);
}

#[tokio::test]
async fn a_question_is_asked_once_for_all_who_share_it() {
    let world = World::new(options());
    let clients: Vec<Client> = (0..5).map(|_| world.connect()).collect();
    for client in &clients {
        client.listen(&Listen::to("l", RELATED)).await;
    }
    world.commit(&[post("r author=good")]);
    for client in &clients {
        assert_eq!(client.read_to_end(&world).await, ["1 l create r"]);
    }
    assert_eq!(world.feed.stats().questions, 1);
}

/// A connection takes all of a change or nothing, whichever of its classes is matched first.
async fn check_no_room(slow: &str, fast: &str) {
    let world = World::new(Options { slow_questions: 2, slow_threads: 1, ..options() });
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("a", slow).now(), Listen::to("b", fast).now()]).await;
    world.lookup.barrier.shut();
    let writes: Vec<Write> = (0..20).map(|i| post(&format!("r{i} n=1 author=good"))).collect();
    world.commit(&writes);
    world.sync().await;
    world.lookup.barrier.open();
    let mut lines = client.read_to_end(&world).await;
    assert_eq!(lines.len(), 40, "{slow}, {fast}");
    for (index, pair) in lines.chunks_mut(2).enumerate() {
        pair.sort();
        let seq = index + 1;
        assert_eq!(pair, [format!("{seq} a create r{index}"), format!("{seq} b create r{index}")]);
    }
    assert!(world.feed.stats().overflows > 0);
}

#[tokio::test]
async fn questions_that_find_no_room_are_answered_by_a_replay() {
    check_no_room(RELATED, "n = 1").await;
    check_no_room("n = 1 && author.role = 'x'", "").await;
}

#[tokio::test]
async fn a_stopped_feed_answers_what_was_asked() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen::to("l", RELATED)).await;
    world.lookup.barrier.shut();
    world.commit(&[post("r author=good"), post("s author=good")]);
    world.feed.stop();
    world.lookup.barrier.open();
    assert_eq!(client.read_until_closed().await, ["1 l create r", "2 l create s"]);
}

#[tokio::test]
async fn a_busy_class_does_not_hold_the_others_up() {
    let world = World::new(Options { slow_threads: 1, ..options() });
    let (busy, quiet) = (world.connect(), world.connect());
    busy.listen(&Listen::to("busy", RELATED)).await;
    quiet.listen(&Listen { record: Some("q"), ..Listen::to("quiet", RELATED) }).await;
    world.lookup.barrier.shut();
    world.commit(&(0..100).map(|i| post(&format!("r{i} author=good"))).collect::<Vec<_>>());
    world.commit(&[post("q author=good")]);
    world.sync().await;
    // one question is being asked, then topics take turns: the quiet one is among the next two
    world.lookup.barrier.let_pass(3);
    assert_eq!(quiet.read_lines(1).await, ["101 quiet create q"]);
    world.lookup.barrier.open();
    assert_eq!(busy.read_to_end(&world).await.len(), 101);
}

#[tokio::test]
async fn a_rule_of_many_classes_does_not_hold_another_topic_up() {
    const CLASSES: usize = 1500;
    let world = World::new(Options { slow_threads: 1, ..options() });
    let (busy, quiet) = (world.connect(), world.connect());
    let listen = |i: usize| Listen::to(&format!("l{i}"), &format!("author.role = '{i}'")).now();
    let many: Vec<Subscription> = (0..CLASSES).map(listen).collect();
    busy.set(Principal::Guest, many).await;
    quiet.listen(&Listen { record: Some("q"), ..Listen::to("quiet", RELATED) }).await;
    world.lookup.barrier.shut();
    world.commit(&["r author=a", "s author=b", "t author=good"].map(post));
    world.commit(&[post("q author=good")]);
    world.sync().await;
    world.lookup.barrier.let_pass(3);
    assert_eq!(quiet.read_lines(1).await, ["4 quiet create q"]);
    assert!(world.feed.stats().slow as usize > CLASSES);
    world.lookup.barrier.open();
    assert_eq!(busy.read_to_end(&world).await.len(), 2 * CLASSES);
}

#[tokio::test]
async fn classes_that_are_told_alike_share_the_frame() {
    let world = World::new(options());
    let made = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    // held up until all of a change's questions wait
    let plug = world.connect();
    plug.listen(&Listen::to("plug", RELATED)).await;
    for n in 0..5 {
        let client = world.connect();
        let rule = format!("{RELATED} && n != {}", 10 + n);
        client.listen(&Listen { made: made.clone(), ..Listen::to("l", &rule) }).await;
        clients.push(client);
    }
    world.lookup.barrier.shut();
    world.commit(&[post("r n=1 author=good")]);
    world.commit(&[post("s n=2 author=good")]);
    world.sync().await;
    world.lookup.barrier.open();
    for client in &clients {
        assert_eq!(client.read_to_end(&world).await, ["1 l create r", "2 l create s"]);
    }
    let made = made.load(Relaxed);
    assert!((2..=4).contains(&made), "{made} frames for 10 deliveries: one a change and batch");
}
