//! What servers say that a stream must not stumble over.

use crate::script::Script;
use crate::world::{Post, world};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_client::Error;
use tidewire_client::realtime::{Event, State, Subscription};

/// A position as Tidewire writes it.
fn cursor(seq: u64) -> String {
    let mut raw = [7; 32];
    raw[8..16].copy_from_slice(&seq.to_be_bytes());
    URL_SAFE_NO_PAD.encode(raw)
}

/// Of each topic its name and what it goes on after.
fn since(topics: &[String]) -> Vec<(String, Option<u64>)> {
    let one = |text: &String| {
        let (name, options) = text.split_once("?options=").unwrap_or((text, ""));
        let options = percent_encoding::percent_decode_str(options).decode_utf8().unwrap();
        let options: Json = serde_json::from_str(&options).unwrap_or_default();
        let since = options["query"]["since"].as_str();
        let seq = (0..100).find(|seq| since == Some(&cursor(*seq)));
        (name.to_owned(), seq)
    };
    topics.iter().map(one).collect()
}

fn event(topic: &str, seq: u64) -> String {
    format!("id:{}\nevent:{topic}\ndata:{{\"action\":\"create\",\"record\":{seq}}}\n\n", cursor(seq))
}

async fn heard(subscription: &mut Subscription<u64>) -> u64 {
    *subscription.next().await.unwrap().unwrap().record().unwrap()
}

#[tokio::test]
async fn a_client_that_is_not_known_any_more_connects_anew() {
    for (status, message) in [
        (404, "Missing or invalid client id."),
        (400, "Invalid realtime client."),
        (403, "The current and the previous request authorization don't match."),
        (500, "Something went wrong."),
    ] {
        let mut script = Script::start().await;
        let client = script.client.clone();
        let waiting = tokio::spawn(async move { client.realtime().subscribe::<Json>("a").await });
        let _first = script.stream("c1").await;
        script.post().await.refuse(status, message);
        let _second = script.stream("c2").await;
        let post = script.post().await;
        assert_eq!((post.client_id.as_str(), post.topics.as_slice()), ("c2", &["a".to_owned()][..]));
        post.accept(None);
        waiting.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_is_refused_is_refused_without_another_connection() {
    let mut script = Script::start().await;
    let client = script.client.clone();
    let waiting = tokio::spawn(async move { client.realtime().subscribe::<Json>("a").await });
    let _stream = script.stream("c1").await;
    script.post().await.refuse(403, "You are not allowed to subscribe to this topic.");
    assert_eq!(waiting.await.unwrap().unwrap_err().status(), Some(403));
}

#[tokio::test]
async fn a_server_that_refuses_each_connection_is_an_error_in_the_end() {
    let mut script = Script::start().await;
    let client = script.client.clone();
    let waiting = tokio::spawn(async move { client.realtime().subscribe::<Json>("a").await });
    let mut streams = Vec::new();
    for id in ["c1", "c2"] {
        streams.push(script.stream(id).await);
        script.post().await.refuse(404, "Missing or invalid client id.");
    }
    assert_eq!(waiting.await.unwrap().unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn a_server_without_positions_leaves_a_gap() {
    let mut script = Script::start().await;
    let client = script.client.clone();
    let waiting = tokio::spawn(async move { client.collection("a").subscribe::<Json>("*").await });
    let first = script.stream("c1").await;
    script.post().await.accept(None);
    let mut subscription = waiting.await.unwrap().unwrap();
    drop(first);
    let _second = script.stream("c2").await;
    script.post().await.accept(None);
    assert_eq!(subscription.next().await.unwrap().unwrap(), Event::Gap);
}

#[tokio::test]
async fn a_quiet_topic_moves_on_with_the_stream() {
    let mut script = Script::start().await;
    let client = script.client.clone();
    let both = tokio::spawn(async move {
        let (loud, quiet) = (client.collection("loud"), client.collection("quiet"));
        (loud.subscribe::<u64>("*").await.unwrap(), quiet.subscribe::<u64>("*").await.unwrap())
    });
    let mut stream = script.stream("c1").await;
    script.post().await.accept(Some(&cursor(5)));
    script.post().await.accept(Some(&cursor(9)));
    let (mut loud, quiet) = both.await.unwrap();
    // written before the quiet topic was set, and so no sign of what it heard
    stream.say(&(event("loud/*", 7) + &event("loud/*", 8))).await;
    assert_eq!((heard(&mut loud).await, heard(&mut loud).await), (7, 8));
    drop(stream);
    let mut stream = script.stream("c2").await;
    let post = script.post().await;
    assert_eq!(since(&post.topics), [("loud/*".into(), Some(8)), ("quiet/*".into(), Some(9))]);
    let (at_loud, at_quiet) = (post.topics[0].clone(), post.topics[1].clone());
    post.accept(Some(&cursor(20)));
    stream.say(&(event(&at_loud, 21) + &event(&at_loud, 30) + &event(&at_loud, 31))).await;
    assert_eq!((heard(&mut loud).await, heard(&mut loud).await, heard(&mut loud).await), (21, 30, 31));
    drop(stream);
    // of 31 the quiet topic may not have heard yet
    let _stream = script.stream("c3").await;
    let post = script.post().await;
    assert_eq!(since(&post.topics), [("loud/*".into(), Some(31)), ("quiet/*".into(), Some(30))]);
    assert_ne!(post.topics[1], at_quiet);
    drop(quiet);
}

#[tokio::test]
async fn a_topic_that_goes_on_from_long_ago_takes_nobody_back_and_moves_on_once_all_is_in_order() {
    let mut script = Script::start().await;
    let client = script.client.clone();
    let new = client.clone();
    let first = tokio::spawn(async move { new.collection("loud").subscribe::<u64>("*").await.unwrap() });
    let mut stream = script.stream("c1").await;
    script.post().await.accept(Some(&cursor(40)));
    let mut loud = first.await.unwrap();
    let late = tokio::spawn(async move {
        client.collection("late").subscribe::<u64>("*").since(cursor(10)).await.unwrap()
    });
    script.post().await.accept(Some(&cursor(45)));
    // asked once more, to know from where on all is in one order
    script.post().await.accept(Some(&cursor(50)));
    let late = late.await.unwrap();
    // on its way when the late topic was set
    stream.say(&(event("loud/*", 41) + &event("loud/*", 50))).await;
    stream.say(&(event("loud/*", 51) + &event("loud/*", 52))).await;
    for seq in [41, 50, 51, 52] {
        assert_eq!(heard(&mut loud).await, seq);
    }
    drop(stream);
    let _stream = script.stream("c2").await;
    let post = script.post().await;
    assert_eq!(since(&post.topics), [("late/*".into(), Some(51)), ("loud/*".into(), Some(52))]);
    drop(late);
}

/// Two that are made one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn cursors_of_tidewire_have_an_order() {
    let world = world().await;
    let mut posts = world.client.collection("posts").subscribe::<Post>("*").await.unwrap();
    let mut seqs = Vec::new();
    for title in ["a", "b"] {
        world.create(title).await;
        let event = posts.next().await.unwrap().unwrap();
        let raw = URL_SAFE_NO_PAD.decode(event.cursor().unwrap()).unwrap();
        assert_eq!(raw.len(), 32);
        seqs.push(u64::from_be_bytes(raw[8..16].try_into().unwrap()));
    }
    assert_eq!(seqs[1], seqs[0] + 1);
}

/// Writes until it is heard.
async fn until_heard(make: impl AsyncFn(), subscription: &mut Subscription<Json>) {
    loop {
        make().await;
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(20), subscription.next()).await {
            event.unwrap().unwrap();
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_hears_what_it_may_from_then_on_and_who_signs_out_no_more() {
    let world = world().await;
    world.server.collection("guarded", &["title"], json!({ "listRule": "@request.auth.id != ''" })).await;
    world.server.user("ann").await;
    let client = &world.client;
    let mut guarded = client.collection("guarded").subscribe::<Json>("*").await.unwrap();
    let mut posts = client.collection("posts").subscribe::<Post>("*").await.unwrap();
    let make = async || {
        world.server.create("guarded", json!({ "title": "a" })).await;
    };
    let users = client.collection("users");
    users.auth_with_password("ann@example.com", crate::server::PASSWORD).await.unwrap();
    until_heard(make, &mut guarded).await;
    let mut state = client.realtime().state();
    let before = state.borrow_and_update().clone();
    client.auth().clear().unwrap();
    let is_new = |state: &State| matches!(state, State::Connected { .. }) && *state != before;
    state.wait_for(is_new).await.unwrap();
    world.server.create("guarded", json!({ "title": "secret" })).await;
    world.create("end").await;
    posts.next().await.unwrap().unwrap();
    client.realtime().unsubscribe_all();
    while let Some(event) = guarded.next().await {
        assert_eq!(event.unwrap().record().unwrap()["title"], "a");
    }
}

#[tokio::test]
async fn a_topic_that_no_server_takes_is_an_error_at_once() {
    // nobody is asked: there is nobody
    let client = tidewire_client::Client::new("http://127.0.0.1:1").unwrap();
    let filter = "title = 'é' || ".repeat(100) + "id = ''";
    let error = client.collection("posts").subscribe::<Json>("*").filter(filter).patient().await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("2500")), "{error:?}");
}
