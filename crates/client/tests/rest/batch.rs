use crate::common::Place;
use serde_json::{Value as Json, json};
use tidewire_client::{Error, Record};

crate::against_both!(
    writes_of_a_batch_are_done_together_or_not_at_all,
    a_batch_that_is_not_allowed_is_refused
);

async fn writes_of_a_batch_are_done_together_or_not_at_all(place: Place) {
    place.posts().await;
    place.settings("", json!({ "batch": { "enabled": true, "maxRequests": 50, "timeout": 3 } })).await;
    let client = place.client();
    let posts = client.collection("posts");
    let first: Record = posts.create(&json!({ "title": "a" })).await.unwrap();
    let id = "known0000000001";
    let results = client
        .batch()
        .create("posts", &json!({ "title": "b" }))
        .update("posts", &first.id, &json!({ "n+": 3 }))
        .upsert("posts", &json!({ "id": id, "title": "made" }))
        .upsert("posts", &json!({ "id": id, "title": "changed" }))
        .delete("posts", &first.id)
        .send()
        .await
        .unwrap();
    assert_eq!(results.iter().map(|result| result.status).collect::<Vec<_>>(), [200, 200, 200, 200, 204]);
    assert_eq!((&results[1].body["n"], &results[3].body["title"]), (&json!(3), &json!("changed")));
    assert_eq!(results[4].body, Json::Null);
    let upserted: Record = posts.upsert(&json!({ "id": id, "title": "again" })).await.unwrap();
    assert_eq!((&*upserted.id, upserted.get::<String>("title").unwrap()), (id, "again".to_owned()));
    let failed = client.batch().delete("posts", id).create("posts", &json!({})).send().await.unwrap_err();
    let Error::Response { status: 400, body, .. } = failed else { panic!("{failed}") };
    let code = &body["data"]["requests"]["1"]["response"]["data"]["title"]["code"];
    assert_eq!(code, "validation_required", "{body}");
    assert_eq!(posts.get_list::<Record>(1, 10).await.unwrap().total_items, 2);
}

async fn a_batch_that_is_not_allowed_is_refused(place: Place) {
    place.posts().await;
    let client = place.client();
    let refused = client.batch().create("posts", &json!({ "title": "a" })).send().await.unwrap_err();
    assert_eq!(refused.status(), Some(403));
    // what cannot be sent is told before
    let wrong = client.batch().create("posts", &json!({ "title": "a" })).delete("posts", "..").send().await;
    assert!(matches!(wrong, Err(Error::Invalid(text)) if text.contains("..")));
    assert_eq!(client.collection("posts").get_list::<Record>(1, 10).await.unwrap().total_items, 0);
}
