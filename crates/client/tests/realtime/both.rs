//! What Tidewire and the real PocketBase have in common, and what the client makes of it where they differ.

use crate::common::Place;
use crate::world::{Post, short};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_client::Client;
use tidewire_client::realtime::{Action, Backoff, Event, GREETING, State, Subscription};
use tokio::sync::mpsc;

crate::against_both!(
    records_are_told_as_what_they_are,
    filters_expands_and_fields_reach_the_server,
    each_subscription_ends_by_itself,
    after_a_restart_nothing_is_lost_or_it_is_said,
    a_guest_who_signs_in_hears_more,
    callbacks_are_called,
);

async fn create(place: &Place, title: &str) -> String {
    let made: Json =
        place.admin.collection("posts").create(&json!({ "title": title, "n": 1 })).await.unwrap();
    made["id"].as_str().unwrap().to_owned()
}

async fn hear(subscription: &mut Subscription<Post>) -> String {
    short(&subscription.next().await.unwrap())
}

fn quick(client: &Client) {
    client.realtime().set_backoff(Backoff { base: Duration::from_millis(5), cap: Duration::from_millis(50) });
}

async fn records_are_told_as_what_they_are(place: Place) {
    place.posts().await;
    let client = place.client();
    let posts = client.collection("posts");
    let mut all = posts.subscribe::<Post>("*").await.unwrap();
    assert_eq!(all.has_positions(), place.is_tidewire());
    let id = create(&place, "a").await;
    assert_eq!(hear(&mut all).await, "create a");
    let mut one = posts.subscribe::<Post>(&id).await.unwrap();
    let _: Json = place.admin.collection("posts").update(&id, &json!({ "title": "b" })).await.unwrap();
    place.admin.collection("posts").delete(&id).await.unwrap();
    for subscription in [&mut all, &mut one] {
        assert_eq!([hear(subscription).await, hear(subscription).await], ["update b", "delete b"]);
    }
}

async fn filters_expands_and_fields_reach_the_server(place: Place) {
    place.posts().await;
    let posts = place.admin.send("GET", "api/collections/posts").read().await.unwrap();
    let fields = json!([
        { "name": "text", "type": "text" },
        { "name": "post", "type": "relation", "collectionId": posts["id"], "maxSelect": 1 },
    ]);
    place.collection("notes", fields, json!({ "listRule": "@request.headers.x_app = 'cli'" })).await;
    let client = place.client();
    let notes = client.collection("notes");
    let mut some = notes
        .subscribe::<Json>("*")
        .filter("text ~ 'yes'")
        .expand("post")
        .fields("text,expand.post.title")
        .header("X-App", "cli")
        .await
        .unwrap();
    let mut none = notes.subscribe::<Json>("*").await.unwrap();
    let post = create(&place, "a").await;
    for text in ["no", "yes \"é\""] {
        let body = json!({ "text": text, "post": post });
        let _: Json = place.admin.collection("notes").create(&body).await.unwrap();
    }
    let told = some.next().await.unwrap().unwrap();
    let expected = json!({ "text": "yes \"é\"", "expand": { "post": { "title": "a" } } });
    assert_eq!((told.action(), told.record()), (Some(Action::Create), Some(&expected)));
    client.realtime().unsubscribe_all();
    assert!(none.next().await.is_none() && some.next().await.is_none());
}

async fn each_subscription_ends_by_itself(place: Place) {
    place.posts().await;
    let client = place.client();
    let posts = client.collection("posts");
    let mut kept = posts.subscribe::<Post>("*").await.unwrap();
    let dropped = posts.subscribe::<Post>("*").await.unwrap();
    let mut one = posts.subscribe::<Post>("123456789012345").await.unwrap();
    drop(dropped);
    posts.unsubscribe("123456789012345");
    assert!(one.next().await.is_none());
    create(&place, "a").await;
    assert_eq!(hear(&mut kept).await, "create a");
    drop(kept);
    let mut state = client.realtime().state();
    state.wait_for(|state| *state == State::Idle).await.unwrap();
}

async fn after_a_restart_nothing_is_lost_or_it_is_said(mut place: Place) {
    place.posts().await;
    let client = place.client();
    quick(&client);
    let mut posts = client.collection("posts").subscribe::<Post>("*").await.unwrap();
    create(&place, "a").await;
    assert_eq!(hear(&mut posts).await, "create a");
    let mut state = client.realtime().state();
    place.stop().await;
    state.wait_for(|state| matches!(state, State::Reconnecting { .. })).await.unwrap();
    place.restart().await;
    if !place.is_tidewire() {
        assert_eq!(posts.next().await.unwrap().unwrap(), Event::Gap);
    }
    for title in ["b", "c"] {
        create(&place, title).await;
        assert_eq!(hear(&mut posts).await, format!("create {title}"));
    }
}

async fn a_guest_who_signs_in_hears_more(place: Place) {
    let fields = json!([{ "name": "title", "type": "text" }]);
    place.collection("guarded", fields, json!({ "listRule": "@request.auth.id != ''" })).await;
    place.user("ann@example.com").await;
    let client = place.client();
    let mut guarded = client.collection("guarded").subscribe::<Json>("*").await.unwrap();
    client.collection("users").auth_with_password("ann@example.com", crate::common::PASSWORD).await.unwrap();
    loop {
        let _: Json = place.admin.collection("guarded").create(&json!({ "title": "a" })).await.unwrap();
        // the new token is on its way: written until it is heard
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(20), guarded.next()).await {
            assert_eq!(event.unwrap().unwrap().action(), Some(Action::Create));
            return;
        }
    }
}

async fn callbacks_are_called(place: Place) {
    place.posts().await;
    let client = place.client();
    let (told, mut heard) = mpsc::unbounded_channel();
    let (greeted, created) = (told.clone(), told);
    let greeting = client.realtime().subscribe::<Json>(GREETING).callback(move |event| {
        let id = event.unwrap().record().unwrap()["clientId"].clone();
        greeted.send(if id.is_string() { "greeted".to_owned() } else { id.to_string() }).unwrap();
    });
    let greeting = greeting.await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "greeted");
    let posts = client.collection("posts").subscribe::<Post>("*");
    let posts = posts.callback(move |event| created.send(short(&event)).unwrap()).await.unwrap();
    create(&place, "a").await;
    assert_eq!(heard.recv().await.unwrap(), "create a");
    greeting.unsubscribe();
    posts.unsubscribe();
    assert!(heard.recv().await.is_none());
}
