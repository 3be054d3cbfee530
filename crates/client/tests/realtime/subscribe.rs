use crate::world::{Post, hear, hear_titles, world};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::time::Duration;
use tidewire_client::realtime::{Event, GREETING, State};
use tidewire_client::{Auth, Client, Error};
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread")]
async fn records_are_told_as_what_they_are() {
    let world = world().await;
    let posts = world.client.collection("posts");
    let mut all = posts.subscribe::<Post>("*").await.unwrap();
    let id = world.create("a").await;
    let mut one = posts.subscribe::<Post>(&id).await.unwrap();
    let mut some = posts.subscribe::<Post>("*").filter(r#"title = "c""#).await.unwrap();
    world.server.update("posts", &id, json!({ "title": "b" })).await;
    world.server.update("posts", &id, json!({ "title": "c" })).await;
    world.server.delete("posts", &id).await;
    assert_eq!(hear(&mut all, 4).await, ["create a", "update b", "update c", "delete c"]);
    assert_eq!(hear(&mut one, 3).await, ["update b", "update c", "delete c"]);
    assert_eq!(hear(&mut some, 2).await, ["update c", "delete c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_reach_the_server() {
    let world = world().await;
    let rule = json!({ "listRule": "@request.query.key = 'k' && @request.headers.x_app = 'cli'" });
    world.server.collection("guarded", &["title"], rule).await;
    let guarded = world.client.collection("guarded");
    let mut blind = guarded.subscribe::<Json>("*").query("key", "wrong").await.unwrap();
    let mut seeing = guarded
        .subscribe::<Json>("*")
        .query("key", "k")
        .header("X-App", "cli")
        .fields("title")
        .await
        .unwrap();
    let made = world.server.create("guarded", json!({ "title": "é\"\n" })).await;
    let event = seeing.next().await.unwrap().unwrap();
    assert_eq!(event.record().unwrap(), &json!({ "title": made["title"] }));
    // what both hear comes after what one did not
    world.client.realtime().unsubscribe("guarded/*");
    assert!(blind.next().await.is_none() && seeing.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_not_of_the_type_is_an_error_and_the_next_one_follows() {
    let world = world().await;
    let mut numbers = world.client.realtime().subscribe::<u32>("numbers").await.unwrap();
    world.server.publish("numbers", json!("one")).await;
    world.server.publish("numbers", json!(2)).await;
    let wrong = numbers.next().await.unwrap();
    assert!(matches!(&wrong, Err(Error::Decode { reason, .. }) if reason.contains("u32")), "{wrong:?}");
    assert!(matches!(numbers.next().await.unwrap(), Ok(Event::Message { data: 2, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_end_one_by_one_by_topic_by_prefix_and_all() {
    let world = world().await;
    let (client, realtime) = (&world.client, world.client.realtime());
    let names = ["posts/*", "posts/1", "jobs/1", "jobs/2"];
    let subscribe = async || {
        let mut open = HashMap::new();
        for name in names {
            open.insert(name, realtime.subscribe::<Json>(name).await.unwrap());
        }
        open
    };
    let ends: [(&dyn Fn(), &[&str]); 4] = [
        (&|| realtime.unsubscribe("jobs/1"), &["jobs/1"]),
        (&|| realtime.unsubscribe_by_prefix("posts/"), &["posts/*", "posts/1"]),
        (&|| client.collection("posts").unsubscribe("1"), &["posts/1"]),
        (&|| realtime.unsubscribe_all(), &names),
    ];
    for (end, ended) in ends {
        let mut open = subscribe().await;
        end();
        for name in ended {
            assert!(open.get_mut(name).unwrap().next().await.is_none(), "{name}");
        }
        for name in names.iter().filter(|name| !ended.contains(name) && name.starts_with("jobs")) {
            world.server.publish(name, json!(name)).await;
            let heard = open.get_mut(name).unwrap().next().await.unwrap().unwrap();
            assert_eq!(heard.record(), Some(&json!(name)));
        }
    }
    let mut state = realtime.state();
    state.wait_for(|state| *state == State::Idle).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_one_of_two_leaves_the_other_and_dropping_both_the_connection() {
    let world = world().await;
    let (told, mut ends) = mpsc::unbounded_channel();
    world.client.realtime().on_disconnect(move |topics| told.send(topics.to_vec()).unwrap());
    let posts = world.client.collection("posts");
    let (mut first, second) =
        (posts.subscribe::<Post>("*").await.unwrap(), posts.subscribe::<Post>("*").await.unwrap());
    drop(second);
    world.create("a").await;
    assert_eq!(hear_titles(&mut first, 1).await, ["a"]);
    drop(first);
    assert_eq!(ends.recv().await.unwrap(), Vec::<String>::new());
    // and it can be had again
    let mut third = posts.subscribe::<Post>("*").await.unwrap();
    world.create("b").await;
    assert_eq!(hear_titles(&mut third, 1).await, ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_hear_events_connections_and_their_ends() {
    let world = world().await;
    let realtime = world.client.realtime();
    let (told, mut heard) = mpsc::unbounded_channel();
    let (greeted, connected, lost) = (told.clone(), told.clone(), told.clone());
    realtime.on_connect(move |id| connected.send(format!("connected {}", id.len())).unwrap());
    realtime.on_disconnect(move |topics| lost.send(format!("lost {topics:?}")).unwrap());
    let greeting = realtime.subscribe::<Json>(GREETING).callback(move |event| {
        let id = event.unwrap().record().unwrap()["clientId"].as_str().unwrap().len();
        greeted.send(format!("greeted {id}")).unwrap();
    });
    let greeting = greeting.await.unwrap();
    let mut both = [heard.recv().await.unwrap(), heard.recv().await.unwrap()];
    both.sort();
    assert_eq!(both, ["connected 40", "greeted 40"]);
    world.reconnect().await;
    assert_eq!(heard.recv().await.unwrap(), r#"lost ["PB_CONNECT"]"#);
    let mut both = [heard.recv().await.unwrap(), heard.recv().await.unwrap()];
    both.sort();
    assert_eq!(both, ["connected 40", "greeted 40"]);
    greeting.unsubscribe();
    assert_eq!(heard.recv().await.unwrap(), "lost []");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_an_error_of_its_own_subscription() {
    let world = world().await;
    let realtime = world.client.realtime();
    let mut good = realtime.subscribe::<Json>("good").await.unwrap();
    let long = realtime.subscribe::<Json>("x".repeat(2400)).await.unwrap_err();
    assert!(matches!(&long, Error::Invalid(text) if text.contains("too long")), "{long:?}");
    let (bad, fine) = tokio::join!(realtime.subscribe::<Json>("a\nb"), realtime.subscribe::<Json>("fine"));
    let error = bad.unwrap_err();
    assert_eq!(error.status(), Some(400));
    assert!(error.to_string().contains("/api/realtime"), "{error}");
    let mut fine = fine.unwrap();
    for (name, subscription) in [("good", &mut good), ("fine", &mut fine)] {
        world.server.publish(name, json!(1)).await;
        assert_eq!(subscription.next().await.unwrap().unwrap().record(), Some(&json!(1)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_an_error_or_waited_for() {
    let world = world().await;
    let nobody = Client::new("http://127.0.0.1:1").unwrap();
    let error = nobody.realtime().subscribe::<Json>("x").await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    let address = world.server.address();
    world.relay.turn_to("127.0.0.1:1".parse().unwrap());
    let waiting = tokio::spawn({
        let client = world.client.clone();
        async move { client.realtime().subscribe::<Json>("x").patient().await.unwrap() }
    });
    let mut state = world.client.realtime().state();
    state.wait_for(|state| matches!(state, State::Reconnecting { attempt: 3.. })).await.unwrap();
    world.relay.turn_to(address);
    let mut subscription = waiting.await.unwrap();
    world.server.publish("x", json!(1)).await;
    assert_eq!(subscription.next().await.unwrap().unwrap().record(), Some(&json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_misses_nothing() {
    // more than its buffer, the sockets' and the server's queue hold together
    let world = world().await;
    let mut posts = world.client.collection("posts").subscribe::<Post>("*").await.unwrap();
    let titles: Vec<String> = (0..600).map(|number| format!("{number:03} {}", "x".repeat(4000))).collect();
    for title in &titles {
        world.create(title).await;
    }
    assert_eq!(hear_titles(&mut posts, titles.len()).await, titles);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_is_heard_of_by_the_open_stream() {
    let world = world().await;
    world.server.collection("own", &["title"], json!({ "listRule": "title = @request.auth.id" })).await;
    let users = [world.server.user("ann").await, world.server.user("bob").await];
    let mut own = world.client.collection("own").subscribe::<Post>("*").await.unwrap();
    let mut heard = Vec::new();
    // from nobody to one user, then to another
    for (id, token) in &users {
        world.client.auth().save(Auth { token: token.clone(), record: Json::Null }).unwrap();
        // it is written until it is told: the server learns of the sign-in in its own time
        let title = loop {
            world.server.create("own", json!({ "title": id })).await;
            if let Ok(event) = tokio::time::timeout(Duration::from_millis(20), own.next()).await {
                break event.unwrap().unwrap().record().unwrap().title.clone();
            }
        };
        heard.push(title);
        while let Ok(event) = tokio::time::timeout(Duration::from_millis(20), own.next()).await {
            heard.push(event.unwrap().unwrap().record().unwrap().title.clone());
        }
    }
    heard.dedup();
    assert_eq!(heard, [users[0].0.clone(), users[1].0.clone()]);
}

#[tokio::test]
async fn a_topic_that_no_server_takes_is_not_sent() {
    let client = Client::new("http://127.0.0.1:1").unwrap();
    for (length, is_sent) in [(2000, true), (2460, false), (10_000, false)] {
        let topic = client.collection("posts").subscribe::<Json>("*").filter("x".repeat(length));
        let error = topic.await.unwrap_err();
        assert_eq!(matches!(error, Error::Transport { .. }), is_sent, "{length}: {error}");
        assert_eq!(matches!(error, Error::Invalid(_)), !is_sent, "{length}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_to_be_greeted_does_not_wait_for_the_next_connection() {
    let world = world().await;
    let realtime = world.client.realtime();
    let _other = realtime.subscribe::<Json>("other").await.unwrap();
    let mut greetings = realtime.subscribe::<Json>(GREETING).await.unwrap();
    world.reconnect().await;
    let greeting = greetings.next().await.unwrap().unwrap();
    assert!(greeting.record().unwrap()["clientId"].is_string(), "{greeting:?}");
}
