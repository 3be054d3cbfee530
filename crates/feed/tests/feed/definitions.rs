use crate::world::*;
use tidewire_model::Principal;

#[tokio::test]
async fn new_definitions_count_from_the_first_change_of_their_commit() {
    let world = World::new(options());
    let client = world.connect();
    client.set(Principal::Guest, vec![Listen::to("l", "n = 1").now(), Listen::to("open", "").now()]).await;
    world.commit(&[post("r n=1")]);
    // without the collection the rule cannot be resolved: that subscription hears nothing until it is back
    world.commit_with(&[user("a tokenKey=k")], Some(catalog(2, vec![users("s1")])));
    world.commit_with(&[post("s n=1")], Some(catalog(3, vec![posts(), users("s1")])));
    let mut lines = client.read_to_end(&world).await;
    lines.sort();
    assert_eq!(lines, ["1 l create r", "1 open create r", "3 l create s", "3 open create s"]);
    assert_eq!(world.feed.stats().classes, 3);
}

#[tokio::test]
async fn definitions_alone_are_taken_too() {
    let world = World::new(options());
    let client = world.connect();
    client.listen(&Listen::to("l", "n = 1")).await;
    world.commit_with(&[], Some(catalog(2, vec![users("s1")])));
    world.sync().await;
    assert_eq!(world.feed.stats().classes, 1, "only the end is listened to");
    world.commit_with(&[], Some(catalog(3, vec![posts()])));
    world.commit(&[post("r n=1")]);
    assert_eq!(client.read_to_end(&world).await, ["1 l create r"]);
}

#[tokio::test]
async fn equal_classes_of_old_and_new_definitions_are_kept_apart() {
    let world = World::new(options());
    let (client, other) = (world.connect(), world.connect());
    let listen = Listen { revision: Some(0), ..Listen::to("l", "n = 1") };
    for client in [&client, &other] {
        client.listen(&listen).await;
    }
    world.commit(&[post("r n=1")]);
    world.commit_with(&[post("s n=1")], Some(catalog(2, vec![posts(), users("s1")])));
    for client in [client, other] {
        assert_eq!(client.read_to_end(&world).await, ["1 l create r v1", "2 l create s v2"]);
    }
}
