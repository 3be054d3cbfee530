use crate::common::Place;
use crate::next;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use tidewire_client::{Error, Record, filter};

crate::against_both!(
    a_record_is_made_read_found_changed_and_deleted,
    a_record_of_no_type_is_read_by_name,
    a_list_of_all_has_each_record_once_while_others_come_and_go,
);

async fn a_record_is_made_read_found_changed_and_deleted(place: Place) {
    place.posts().await;
    let posts = place.client().collection("posts");
    let made: Json = posts.create(&json!({ "title": "it's \"here\"", "n": 1 })).await.unwrap();
    let id = made["id"].as_str().unwrap();
    let read: Json = posts.clone().fields("title").get_one(id).await.unwrap();
    assert_eq!(read, json!({ "title": "it's \"here\"" }));
    let text = filter("title = {:title}", &[("title", made["title"].clone())]).unwrap();
    let found: Json = posts.get_first(&text).await.unwrap();
    assert_eq!(found["id"], made["id"]);
    let none = posts.get_first::<Json>("title = 'nobody'").await.unwrap_err();
    assert_eq!(none.status(), Some(404));
    let changed: Json = posts.update(id, &json!({ "n": 2 })).await.unwrap();
    assert_eq!(changed["n"], json!(2));
    let page = posts.get_list::<Json>(1, 10).await.unwrap();
    assert_eq!((page.total_items, page.items.len()), (1, 1));
    let page = posts.clone().skip_total().get_list::<Json>(1, 10).await.unwrap();
    assert_eq!(page.total_items, -1);
    posts.delete(id).await.unwrap();
    assert_eq!(posts.get_one::<Json>(id).await.unwrap_err().status(), Some(404));
    let refused = posts.create::<Json>(&json!({})).await.unwrap_err();
    assert_eq!(refused.field("title").map(|(code, _)| code), Some("validation_required"));
    for id in ["", ".", ".."] {
        assert!(matches!(posts.delete(id).await, Err(Error::Invalid(_))), "{id:?}");
    }
    let other = posts.get_one::<Json>("../../../health").await.unwrap_err();
    assert_eq!(other.status(), Some(404));
}

async fn a_list_of_all_has_each_record_once_while_others_come_and_go(place: Place) {
    place.posts().await;
    let posts = place.client().collection("posts");
    let mut kept = BTreeSet::new();
    for n in 0..450 {
        let made: Json = posts.create(&json!({ "title": "t", "n": n })).await.unwrap();
        kept.insert(made["id"].as_str().unwrap().to_owned());
    }
    let mut all = posts.clone().filter("n >= 0 // or none").all::<Json>();
    let first = next(&mut all).await.unwrap().unwrap();
    let first = first["id"].as_str().unwrap().to_owned();
    // a page by number would now pass over one record
    posts.delete(&first).await.unwrap();
    let gone = first.clone();
    let mut heard = BTreeSet::from([first]);
    while let Some(record) = all.next().await {
        assert!(heard.insert(record.unwrap()["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(heard, kept);
    kept.remove(&gone);
    let full = posts.clone().sort("-n").get_full_list::<Record>().await.unwrap();
    assert_eq!(full.into_iter().map(|record| record.id).collect::<Vec<_>>(), Vec::from_iter(kept));
    let wrong = posts.filter("nonsense").get_full_list::<Record>().await.unwrap_err();
    assert_eq!(wrong.status(), Some(400));
}

async fn a_record_of_no_type_is_read_by_name(place: Place) {
    place.posts().await;
    let fields = json!([{ "name": "text", "type": "text" }]);
    place.collection("comments", fields, json!({})).await;
    let posts: Json = place.admin.send("GET", "api/collections/posts").read().await.unwrap();
    let relation = json!([
        { "name": "text", "type": "text" },
        { "name": "post", "type": "relation", "collectionId": posts["id"], "maxSelect": 1 },
    ]);
    place.settings("comments", json!({ "fields": relation })).await;
    let client = place.client();
    let post: Record = client.collection("posts").create(&json!({ "title": "a", "n": 7 })).await.unwrap();
    assert_eq!((&*post.collection_name, &json!(post.collection_id)), ("posts", &posts["id"]));
    assert_eq!((post.get::<String>("title").unwrap(), post.get::<u8>("n").unwrap()), ("a".to_owned(), 7));
    assert_eq!(post.get::<String>("id").unwrap(), post.id);
    assert_eq!(post.get::<Option<bool>>("missing").unwrap(), None);
    assert!(matches!(post.get::<u8>("title"), Err(Error::Field { name, .. }) if name == "title"));
    let comments = client.collection("comments");
    let made: Record = comments.create(&json!({ "text": "c", "post": post.id })).await.unwrap();
    assert_eq!(made.expanded("post").unwrap(), []);
    let read: Record = comments.clone().expand("post").get_one(&made.id).await.unwrap();
    assert_eq!(read.expanded("post").unwrap(), std::slice::from_ref(&post));
    let back =
        client.collection("posts").expand("comments_via_post").get_one::<Record>(&post.id).await.unwrap();
    assert_eq!(back.expanded("comments_via_post").unwrap(), [made]);
    // written as it was read
    let again: Record = client.collection("posts").update(&post.id, &back).await.unwrap();
    assert_eq!(again, post);
}
