//! Lists that are kept as they are now, against Tidewire and against the real PocketBase.

use crate::common::Place;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_client::Client;
use tidewire_client::realtime::{ListChange, LiveQuery};

crate::against_both!(
    whatever_is_written_the_list_is_what_the_server_lists,
    each_change_gives_the_list,
    who_signs_in_gets_its_own_list,
);

/// Sort, filter and limit.
const LISTS: [(&str, &str, Option<usize>); 13] = [
    ("title", "", None),
    ("-title,n", "n > 1", None),
    ("n", "", Some(4)),
    ("-n,flag", "title != ''", Some(3)),
    ("flag,-at", "", None),
    ("-at", "flag = true", Some(5)),
    ("meta", "", None),
    ("-meta,title", "n < 4", Some(3)),
    ("mark", "", None),
    ("-mark,-title", "", Some(6)),
    ("tags", "", None),
    ("-id", "", Some(6)),
    ("", "title ~ 'a'", None),
];

async fn things(place: &Place) {
    let fields = json!([
        { "name": "title", "type": "text" },
        { "name": "n", "type": "number" },
        { "name": "flag", "type": "bool" },
        { "name": "at", "type": "date" },
        { "name": "meta", "type": "json" },
        // of no lists or objects
        { "name": "mark", "type": "json" },
        { "name": "tags", "type": "select", "maxSelect": 3, "values": ["x", "y", "z"] },
    ]);
    place.collection("things", fields, json!({})).await;
}

/// Some of the fields, from few values: so many are equal, and some are missing.
fn thing(random: &mut StdRng) -> Json {
    let values: [(&str, &[Json]); 7] = [
        (
            "title",
            &[
                json!(""),
                json!("a"),
                json!("A"),
                json!("a b"),
                json!("a!"),
                json!("10"),
                json!("9"),
                json!("é"),
                json!("😀"),
            ],
        ),
        ("n", &[json!(0), json!(-1), json!(2), json!(10), json!(2.5), json!(1e10), json!(3)]),
        ("flag", &[json!(true), json!(false)]),
        (
            "at",
            &[
                json!(""),
                json!("2024-01-02 03:04:05.000Z"),
                json!("2024-01-02 03:04:05.678Z"),
                json!("1999-12-31"),
            ],
        ),
        (
            "meta",
            &[
                json!(null),
                json!("b"),
                json!("b!"),
                json!("b c"),
                json!(7),
                json!(10),
                json!(true),
                json!([1]),
                json!({ "k": 1 }),
            ],
        ),
        (
            "mark",
            &[
                json!(null),
                json!("b"),
                json!("b!"),
                json!("b c"),
                json!("é"),
                json!(7),
                json!(0.5),
                json!(true),
                json!(false),
            ],
        ),
        ("tags", &[json!([]), json!(["x"]), json!(["x", "y"]), json!(["z"])]),
    ];
    let mut body = json!({});
    for (name, values) in values {
        if random.random_bool(0.7) {
            body[name] = values[random.random_range(0..values.len())].clone();
        }
    }
    body
}

async fn write(admin: &Client, random: &mut StdRng, ids: &mut Vec<String>) {
    let things = admin.collection("things");
    let what = random.random_range(0..10);
    if ids.is_empty() || what < 4 {
        let made: Json = things.create(&thing(random)).await.unwrap();
        ids.push(made["id"].as_str().unwrap().to_owned());
        return;
    }
    let at = random.random_range(0..ids.len());
    if what < 8 {
        let _: Json = things.update(&ids[at], &thing(random)).await.unwrap();
    } else {
        things.delete(&ids.swap_remove(at)).await.unwrap();
    }
}

fn ids(items: &[Arc<Json>]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn whatever_is_written_the_list_is_what_the_server_lists(mut place: Place) {
    things(&place).await;
    let client = place.client();
    let mut random = StdRng::seed_from_u64(7);
    let mut known = Vec::new();
    for _ in 0..10 {
        write(&place.admin, &mut random, &mut known).await;
    }
    let mut queries = Vec::new();
    for (sort, filter, limit) in LISTS {
        let query = client.collection("things").live_query::<Json>().sort(sort).filter(filter);
        let query = if let Some(limit) = limit { query.limit(limit) } else { query };
        queries.push(query.await.unwrap());
    }
    for round in 0..2 {
        for _ in 0..40 {
            write(&place.admin, &mut random, &mut known).await;
        }
        if round == 0 {
            place.restart().await;
        }
    }
    let mut expected = Vec::new();
    for ((sort, filter, limit), query) in LISTS.iter().zip(&mut queries) {
        let sort = [*sort, "id"].join(",");
        let list = place.admin.collection("things").sort(sort.trim_start_matches(',')).filter(*filter);
        let page = list.get_list::<Json>(1, limit.unwrap_or(500) as u64).await.unwrap();
        let list: Vec<String> =
            page.items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        while ids(query.items()) != list {
            query.next().await.unwrap().unwrap();
        }
        expected.push(list);
    }
    // what was still on its way changes nothing
    client.realtime().unsubscribe_all();
    for (at, query) in queries.iter_mut().enumerate() {
        while let Some(update) = query.next().await {
            update.unwrap();
        }
        assert_eq!(ids(query.items()), expected[at], "{:?}", LISTS[at]);
    }
}

#[derive(Debug, Deserialize)]
struct Named {
    title: String,
}

/// Until the list is this; the last change.
async fn until(query: &mut LiveQuery<Named>, titles: &[&str]) -> ListChange {
    loop {
        let update = query.next().await.unwrap().unwrap();
        if update.items.iter().map(|item| item.title.as_str()).eq(titles.iter().copied()) {
            return update.change;
        }
    }
}

async fn each_change_gives_the_list(place: Place) {
    place.posts().await;
    let posts = place.admin.collection("posts");
    let id = |made: Json| made["id"].as_str().unwrap().to_owned();
    let b = id(posts.create(&json!({ "title": "b", "n": 1 })).await.unwrap());
    let client = place.client();
    let query = client.collection("posts").live_query::<Named>().filter("n > 0").sort("title").limit(2);
    let mut query = query.await.unwrap();
    let is_told = place.is_tidewire();
    let check = |found: ListChange, told: ListChange| {
        assert_eq!(found, if is_told { told } else { ListChange::Loaded });
    };
    assert_eq!(until(&mut query, &["b"]).await, ListChange::Loaded);
    let c = id(posts.create(&json!({ "title": "c", "n": 1 })).await.unwrap());
    check(until(&mut query, &["b", "c"]).await, ListChange::Created(c));
    let a = id(posts.create(&json!({ "title": "a", "n": 1 })).await.unwrap());
    check(until(&mut query, &["a", "b"]).await, ListChange::Created(a.clone()));
    let _: Json = posts.update(&a, &json!({ "title": "d" })).await.unwrap();
    check(until(&mut query, &["b", "c"]).await, ListChange::Updated(a.clone()));
    let _: Json = posts.update(&b, &json!({ "n": 0 })).await.unwrap();
    check(until(&mut query, &["c", "d"]).await, ListChange::Removed(b));
    posts.delete(&a).await.unwrap();
    check(until(&mut query, &["c"]).await, ListChange::Removed(a));
    assert_eq!(query.items().len(), 1);
}

async fn who_signs_in_gets_its_own_list(place: Place) {
    let fields = json!([{ "name": "title", "type": "text" }, { "name": "owner", "type": "text" }]);
    place.collection("notes", fields, json!({ "listRule": "owner = '' || owner = @request.auth.id" })).await;
    let ann = place.user("ann@example.com").await;
    let notes = place.admin.collection("notes");
    for (title, owner) in [("a", ""), ("b", ann.as_str())] {
        let _: Json = notes.create(&json!({ "title": title, "owner": owner })).await.unwrap();
    }
    let client = place.client();
    let mut query = client.collection("notes").live_query::<Named>().sort("title").await.unwrap();
    until(&mut query, &["a"]).await;
    client.collection("users").auth_with_password("ann@example.com", crate::common::PASSWORD).await.unwrap();
    until(&mut query, &["a", "b"]).await;
    let _: Json = notes.create(&json!({ "title": "c", "owner": ann })).await.unwrap();
    until(&mut query, &["a", "b", "c"]).await;
    client.auth().clear().unwrap();
    until(&mut query, &["a"]).await;
}
