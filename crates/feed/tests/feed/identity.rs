use crate::world::*;
use tidewire_feed::{OnRevoked, Subscription};
use tidewire_model::{Principal, Timestamp};

const SIGNED_IN: &str = "@request.auth.id = 'a'";

fn subscriptions() -> Vec<Subscription> {
    vec![
        Listen::to("signed", SIGNED_IN).now(),
        Listen::to("admin", "@request.auth.role = 'admin'").now(),
        Listen { collection: USERS, ..Listen::to("me", SIGNED_IN) }.now(),
    ]
}

/// User `a` is an admin; after `writes` (to users) a post is made.
async fn check(writes: &[&str], expected: &[&str], is_guest: bool) {
    let world = World::new(options());
    world.commit(&[user("a role=admin tokenKey=k1"), user("b role=admin tokenKey=k2")]);
    let client = world.connect();
    client.set(world.signed_in("a"), subscriptions()).await;
    let writes: Vec<Write> = writes.iter().map(|write| user(write)).chain([post("r n=1")]).collect();
    // one commit: what follows a change of the user in it counts already
    world.commit(&writes);
    let mut lines = client.read_to_end(&world).await;
    lines.sort();
    assert_eq!(lines, expected, "{writes:?}");
    assert_eq!(client.connection.principal().record().is_none(), is_guest);
}

#[tokio::test]
async fn a_principal_follows_its_record_before_the_change_is_matched() {
    let both = ["4 admin create r", "4 signed create r"];
    check(&["a role=admin"], &["3 me update a", both[0], both[1]], false).await;
    check(&["a role=user"], &["3 me update a", both[1]], false).await;
    check(&["a tokenKey=k9"], &[], true).await;
    check(&["a gone"], &[], true).await;
    check(&["a tokenKey=k9", "a tokenKey=k1"], &[], true).await;
    check(&["a accountDisabled=true"], &[], true).await;
    check(&["a accountDisabled=true", "a accountDisabled=false"], &[], true).await;
    check(&["a accountDisabled=false"], &["3 me update a", both[0], both[1]], false).await;
    check(&["b accountDisabled=true"], &["3 me update b", both[0], both[1]], false).await;
    check(&["b tokenKey=k9"], &["3 me update b", both[0], both[1]], false).await;
    check(&["b gone"], &["3 me delete b", both[0], both[1]], false).await;
    check(&["c tokenKey=k3"], &["3 me create c", both[0], both[1]], false).await;
}

#[tokio::test]
async fn revocation_closes_whoever_wants_to_be_closed() {
    for write in ["a tokenKey=k9", "a gone", "a accountDisabled=true"] {
        let world = World::new(options());
        world.commit(&[user("a role=admin tokenKey=k1")]);
        let client = world.connect_with(OnRevoked::Close);
        client.set(world.signed_in("a"), subscriptions()).await;
        world.commit(&[post("r n=1"), user(write), post("r n=2")]);
        let mut lines = client.read_until_closed().await;
        lines.sort();
        assert_eq!(lines, ["2 admin create r", "2 signed create r"]);
        world.sync().await;
        assert_eq!(world.feed.stats().connections, 0);
    }
}

#[tokio::test]
async fn who_was_revoked_on_the_way_does_not_get_in() {
    for (write, admitted) in [
        ("a tokenKey=k9", false),
        ("a gone", false),
        ("a accountDisabled=true", false),
        ("a role=user", true),
        ("b gone", true),
    ] {
        let world = World::new(options());
        world.commit(&[user("a role=admin tokenKey=k1"), user("b tokenKey=k2")]);
        let principal = world.signed_in("a");
        world.commit(&[user(write)]);
        let client = world.connect();
        client.set(principal, vec![Listen::to("signed", SIGNED_IN).now()]).await;
        world.commit(&[post("r n=1")]);
        assert_eq!(client.read_to_end(&world).await.len(), usize::from(admitted), "{write}");
        let principal = client.connection.principal();
        assert_eq!(principal.record().is_some(), admitted);
        if write == "a role=user" {
            assert_eq!(principal.record().unwrap().text("role"), "user", "the newest record counts");
        }
    }
}

#[tokio::test]
async fn a_new_sign_in_after_a_revocation_counts() {
    let world = World::new(options());
    world.commit(&[user("a role=admin tokenKey=k1")]);
    let client = world.connect();
    client.set(world.signed_in("a"), subscriptions()).await;
    world.commit(&[user("a tokenKey=k2"), post("r n=1")]);
    client.set(world.signed_in("a"), subscriptions()).await;
    world.commit(&[post("r n=2")]);
    let mut lines = client.read_to_end(&world).await;
    lines.sort();
    assert_eq!(lines, ["4 admin update r", "4 signed update r"]);
}

#[tokio::test]
async fn expiry_ends_a_sign_in() {
    let world = World::new(options());
    world.commit(&[user("a role=admin tokenKey=k1")]);
    let client = world.connect_with(OnRevoked::Close);
    let soon = Timestamp(Timestamp::now().millis() + 50);
    client.set(world.signed_in_until("a", Some(soon)), subscriptions()).await;
    assert_eq!(client.read_until_closed().await, Vec::<String>::new());
    assert!(Timestamp::now() >= soon);

    let late = world.connect();
    late.set(world.signed_in_until("a", Some(soon)), subscriptions()).await;
    assert!(late.connection.principal().record().is_none(), "expired on arrival");
}

#[tokio::test]
async fn definitions_end_sign_ins_that_they_no_longer_back() {
    for (name, list, is_guest) in [
        ("same", vec![posts(), users("s1")], false),
        ("other secret", vec![posts(), users("s2")], true),
        ("no collection", vec![posts()], true),
    ] {
        let world = World::new(options());
        world.commit(&[user("a role=admin tokenKey=k1")]);
        let client = world.connect();
        client.set(world.signed_in("a"), vec![Listen::to("signed", SIGNED_IN).now()]).await;
        world.commit_with(&[post("r n=1")], Some(catalog(2, list)));
        assert_eq!(client.read_to_end(&world).await.is_empty(), is_guest, "{name}");
        assert_eq!(client.connection.principal().record().is_none(), is_guest, "{name}");
    }
}

#[tokio::test]
async fn a_guest_stays_what_it_is() {
    let world = World::new(options());
    let client = world.connect();
    client.set(Principal::Guest, subscriptions()).await;
    world.commit(&[user("a role=admin tokenKey=k1"), post("r n=1")]);
    assert!(client.read_to_end(&world).await.is_empty());
}
