use crate::common::{PASSWORD, Place};
use crate::next;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tidewire_client::Record;
use tidewire_client::realtime::Event;

crate::against_both!(
    collections_and_settings_are_read_and_changed,
    a_superuser_acts_as_somebody_else,
    a_message_reaches_who_listens_if_the_server_has_them,
);

async fn collections_and_settings_are_read_and_changed(place: Place) {
    let collections = place.admin.collections();
    let field = json!({ "name": "title", "type": "text" });
    let made =
        collections.create(&json!({ "name": "posts", "type": "base", "fields": [field] })).await.unwrap();
    let changed = collections.update("posts", &json!({ "listRule": "", "createRule": "" })).await.unwrap();
    assert_eq!((&changed["id"], &changed["listRule"]), (&made["id"], &json!("")));
    assert_eq!(collections.get_one(made["id"].as_str().unwrap()).await.unwrap()["name"], "posts");
    let count = collections.get_list(1, 1).await.unwrap().total_items;
    let imported = json!({ "name": "more", "type": "base", "fields": [field] });
    collections.import(&[imported], false).await.unwrap();
    assert_eq!(collections.get_list(1, 1).await.unwrap().total_items, count + 1);
    let posts = place.client().collection("posts");
    posts.create::<Json>(&json!({ "title": "a" })).await.unwrap();
    collections.truncate("posts").await.unwrap();
    assert_eq!(posts.get_list::<Json>(1, 1).await.unwrap().total_items, 0);
    collections.delete("more").await.unwrap();
    assert_eq!(collections.get_one("more").await.unwrap_err().status(), Some(404));
    let settings = place.admin.settings();
    let changed = settings.update(&json!({ "meta": { "appName": "Tides" } })).await.unwrap();
    assert_eq!(changed["meta"]["appName"], "Tides");
    assert_eq!(settings.get().await.unwrap()["meta"]["appName"], "Tides");
    assert_eq!(place.client().settings().get().await.unwrap_err().status(), Some(401));
    assert_eq!(place.client().health().await.unwrap()["code"], 200);
}

async fn a_superuser_acts_as_somebody_else(place: Place) {
    let id = place.user("a@example.com").await;
    place.user("b@example.com").await;
    let users = place.admin.collection("users");
    let acting = users.impersonate(&id, Some(Duration::from_secs(60))).await.unwrap();
    let seen = acting.collection("users").get_list::<Record>(1, 10).await.unwrap().items;
    assert_eq!(seen.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    assert_eq!(users.get_list::<Record>(1, 10).await.unwrap().items.len(), 2);
    assert_eq!(acting.auth().auth().as_record().unwrap().id, id);
    assert!(acting.auth().is_valid());
    assert_eq!(acting.collection("users").auth_refresh().await.unwrap().token, acting.auth().token());
    assert_eq!(users.impersonate("missing00000000", None).await.err().unwrap().status(), Some(404));
    let client = place.client();
    client.collection("users").auth_with_password("b@example.com", PASSWORD).await.unwrap();
    assert_eq!(client.collection("users").impersonate(&id, None).await.err().unwrap().status(), Some(403));
}

async fn a_message_reaches_who_listens_if_the_server_has_them(place: Place) {
    let mut jobs = place.client().realtime().subscribe::<Json>("jobs/finished").await.unwrap();
    let said = place.admin.publish("jobs/finished", &json!({ "id": 1 })).await;
    if place.is_tidewire() {
        said.unwrap();
        let heard = next(&mut jobs).await.unwrap().unwrap();
        assert!(matches!(&heard, Event::Message { data, .. } if data["id"] == 1), "{heard:?}");
    } else {
        assert_eq!(said.unwrap_err().status(), Some(404));
    }
}
