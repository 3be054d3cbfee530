use crate::common::Place;
use serde_json::json;
use tidewire_client::{Error, File, Record};

crate::against_both!(a_file_is_kept_or_refused);

async fn a_file_is_kept_or_refused(place: Place) {
    let fields = json!([
        { "name": "title", "type": "text" },
        { "name": "n", "type": "number" },
        { "name": "papers", "type": "file", "maxSelect": 9, "maxSize": 1000 },
    ]);
    place.collection("posts", fields, json!({})).await;
    let client = &place.admin;
    let posts = client.collection("posts");
    let file = |field: &str, name: &str| File::new(field, name, format!("I am {name}")).mime("text/plain");
    let body = json!({ "title": "true", "n": 7 });
    let made = posts.create_with_files::<Record>(&body, vec![file("papers", "one.txt")]).await;
    if place.is_tidewire() {
        // it keeps none yet, and says so
        let error = made.unwrap_err();
        assert!(matches!(error, Error::Response { status: 400..=599, .. }), "{error}");
        assert_eq!(posts.get_list::<Record>(1, 10).await.unwrap().total_items, 0);
        return;
    }
    let made = made.unwrap();
    // the text stays a text
    assert_eq!((made.get::<String>("title").unwrap(), made.get::<u8>("n").unwrap()), ("true".to_owned(), 7));
    let more = vec![file("papers+", "two.txt"), file("papers+", "three.txt")];
    let more: Record = posts.update_with_files(&made.id, &json!({ "n": 8 }), more).await.unwrap();
    let names: Vec<String> = more.get("papers").unwrap();
    assert_eq!((names.len(), more.get::<u8>("n").unwrap()), (3, 8));
    let url = client.file_url(&more, &names[1]).unwrap();
    let path = url.strip_prefix(&place.url).unwrap();
    let token = client.file_token().await.unwrap();
    let read = client.send("GET", path).query(&[("token".to_owned(), token)]).stream().await.unwrap();
    assert_eq!(read.text().await.unwrap(), "I am two.txt");
    place.settings("", json!({ "batch": { "enabled": true, "maxRequests": 50, "timeout": 3 } })).await;
    let batch =
        client.batch().create("posts", &json!({ "title": "x" })).create("posts", &json!({ "title": "y" }));
    let results = batch.file(file("papers", "four.txt")).send().await.unwrap();
    let of = |index: usize| results[index].body["papers"].as_array().unwrap().len();
    assert_eq!((of(0), of(1), &results[1].body["title"]), (0, 1, &json!("y")));
}

#[tokio::test]
async fn a_file_of_no_write_and_a_wrong_type_are_errors() {
    let client = tidewire_client::Client::new("http://127.0.0.1:1").unwrap();
    let file = File::new("papers", "a.txt", "a");
    assert!(matches!(client.batch().file(file.clone()).send().await, Err(Error::Invalid(_))));
    let posts = client.collection("posts");
    let made = posts.create_with_files::<Record>(&json!({}), vec![file.mime("no type")]).await;
    assert!(matches!(made, Err(Error::Invalid(text)) if text.contains("no type")));
}
