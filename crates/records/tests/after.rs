//! After-hooks: every committed change at least once, in order, whatever fails and whenever the server stops.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tidewire_auth::Passwords;
use tidewire_hooks::{Act, Event, Hands, HookError, Hooks, Occasion, Registration};
use tidewire_records::hooks::{Followers, Retry};
use tidewire_store::Retention;
use world::World;

/// Long enough never to be reached where all is well.
const PATIENCE: Duration = Duration::from_secs(60);

fn with_posts() -> World {
    let world = World::empty();
    define(&world);
    world
}

fn define(world: &World) {
    for name in ["posts", "logs"] {
        let fields = json!([{"name": "title", "type": "text"}]);
        world.define(json!({"name": name, "type": "base", "createRule": "", "fields": fields}));
    }
}

fn start(world: &World) -> Followers {
    let retry = Retry { tries: 3, pause: Duration::from_millis(1), longest: Duration::from_millis(5) };
    let followers = Followers::start(world.store.clone(), Passwords::new(1, 4), retry).unwrap();
    world.ring(&followers);
    followers
}

/// Hears "action title" of posts.
fn register(
    hooks: &Hooks,
    name: &str,
    fails: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Receiver<String> {
    let (told, heard): (Sender<String>, _) = channel();
    let (told, fails) = (Mutex::new(told), Arc::new(fails));
    let handler = Arc::new(move |occasion: &mut Occasion, _: &mut dyn Hands| {
        let title = occasion.fields["record"]["title"].as_str().unwrap_or("").to_owned();
        let _ =
            told.lock().unwrap().send(format!("{} {title}", occasion.fields["operation"].as_str().unwrap()));
        if fails(&title) { Err(HookError::Failed("as told".into())) } else { Ok(()) }
    });
    for event in [Event::RecordAfterCreate, Event::RecordAfterUpdate, Event::RecordAfterDelete] {
        let registration = Registration::new(event, name, handler.clone());
        hooks.register(Registration { collection: Some("posts".into()), ..registration });
    }
    heard
}

fn next(heard: &Receiver<String>) -> String {
    heard.recv_timeout(PATIENCE).unwrap()
}

fn create(world: &World, title: &str) -> String {
    world.create(&world.superuser(), "posts", json!({"title": title})).unwrap().id().to_owned()
}

#[test]
fn every_change_is_told_in_order_from_the_registration_on() {
    let world = with_posts();
    create(&world, "before");
    let followers = start(&world);
    let heard = register(world.store.hooks(), "a", |_| false);
    let id = create(&world, "one");
    world.create(&world.superuser(), "logs", json!({"title": "elsewhere"})).unwrap();
    world.update(&world.superuser(), "posts", &id, json!({"title": "two"})).unwrap();
    world.delete(&world.superuser(), "posts", &id).unwrap();
    assert_eq!([next(&heard), next(&heard), next(&heard)], ["create one", "update two", "delete two"]);
    followers.stop();
    let list = followers.list();
    assert!(list.is_empty() && heard.try_recv().is_err(), "{list:?}");
}

#[test]
fn the_fields_tell_who_what_and_where() {
    let world = with_posts();
    let body = json!({"email": "a@example.com", "password": "12345678", "passwordConfirm": "12345678"});
    let user = world.create(&world.superuser(), "users", body).unwrap();
    let asker = world.user("a@example.com");
    world.alter("posts", json!({"updateRule": ""}));
    let id = create(&world, "one");
    let (told, heard) = channel();
    let told = Mutex::new(told);
    let handler = move |occasion: &mut Occasion, hands: &mut dyn Hands| {
        // as the user, who may not read this
        let get = Act::Get { collection: "posts".into(), id: "x".into(), rules: true };
        let status = hands.act(get).unwrap_err().status;
        let _ = told.lock().unwrap().send((Json::Object(occasion.fields.clone()), status));
        Ok(())
    };
    let followers = start(&world);
    world.store.hooks().register(Registration::new(Event::RecordAfterUpdate, "a", Arc::new(handler)));
    world.update(&asker, "posts", &id, json!({"title": "two"})).unwrap();
    let (fields, status) = heard.recv_timeout(PATIENCE).unwrap();
    assert_eq!(status, 403);
    assert_eq!((&fields["old"]["title"], &fields["record"]["title"]), (&json!("one"), &json!("two")));
    assert_eq!((&fields["collection"], &fields["operation"]), (&json!("posts"), &json!("update")));
    assert_eq!(fields["user_id"], user.id());
    assert_eq!(fields["auth"]["collectionName"], "users");
    assert_eq!(fields["position"], world.store.head());
    assert_eq!(fields["transaction"], world.store.head());
    assert!(fields["at"].as_str().unwrap().ends_with('Z'));
    followers.stop();
}

#[test]
fn a_failure_is_tried_again_then_given_up_and_holds_up_no_other_group() {
    let world = with_posts();
    let followers = start(&world);
    let failing = register(world.store.hooks(), "failing", |title| title == "bad");
    let well = register(world.store.hooks(), "well", |_| false);
    for title in ["bad", "good"] {
        create(&world, title);
    }
    let tries: Vec<String> = (0..4).map(|_| next(&failing)).collect();
    assert_eq!(tries, ["create bad", "create bad", "create bad", "create good"]);
    assert_eq!([next(&well), next(&well)], ["create bad", "create good"]);
    let numbers = |group: &str| followers.list().into_iter().find(|one| &*one.group == group).unwrap();
    assert_eq!((numbers("failing").retries, numbers("failing").given_up), (2, 1));
    assert_eq!((numbers("well").retries, numbers("well").calls), (0, 2));
    followers.stop();
}

#[test]
fn what_is_refused_after_the_fact_is_not_tried_again() {
    let world = with_posts();
    let followers = start(&world);
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = calls.clone();
    let handler = move |_: &mut Occasion, _: &mut dyn Hands| {
        counting.fetch_add(1, Ordering::Relaxed);
        Err(HookError::abort(403, "too late"))
    };
    let hooks = world.store.hooks();
    hooks.register(Registration::new(Event::RecordAfterCreate, "a", Arc::new(handler)));
    let group = Registration::new(
        Event::RecordAfterCreate,
        "b",
        Arc::new(|_: &mut Occasion, _: &mut dyn Hands| Ok(())),
    );
    hooks.register(Registration { group: "a".into(), ..group });
    let heard = register(hooks, "a", |_| false);
    create(&world, "one");
    next(&heard);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    followers.stop();
}

#[test]
fn what_was_not_told_before_a_stop_is_told_after_the_next_start() {
    let world = with_posts();
    let followers = start(&world);
    let first = register(world.store.hooks(), "a", |title| title == "last");
    create(&world, "one");
    create(&world, "last");
    assert_eq!([next(&first), next(&first)], ["create one", "create last"]);
    // it is in its tries
    followers.stop();
    drop(followers);
    create(&world, "meanwhile");
    let again = world.reopen();
    let second = register(again.store.hooks(), "a", |_| false);
    let followers = start(&again);
    let mut heard = next(&second);
    if heard == "create last" {
        heard = next(&second);
    }
    assert_eq!(heard, "create meanwhile");
    followers.stop();
}

#[test]
fn a_stop_between_two_tries_keeps_the_change() {
    let world = with_posts();
    let retry = Retry { tries: 3, pause: PATIENCE, longest: PATIENCE };
    let followers = Followers::start(world.store.clone(), Passwords::new(1, 4), retry).unwrap();
    world.ring(&followers);
    let first = register(world.store.hooks(), "a", |_| true);
    create(&world, "one");
    assert_eq!(next(&first), "create one");
    followers.stop();
    let again = world.reopen();
    let second = register(again.store.hooks(), "a", |_| false);
    let followers = start(&again);
    assert_eq!(next(&second), "create one");
    followers.stop();
}

#[test]
fn a_group_that_is_forgotten_begins_anew_and_one_that_comes_back_goes_on() {
    for (forget, expected) in [(false, "create meanwhile"), (true, "create now")] {
        let world = with_posts();
        let followers = start(&world);
        let hooks = world.store.hooks();
        let (told, heard) = channel();
        let told = Arc::new(Mutex::new(told));
        let registration = || {
            let told = told.clone();
            let handler = move |occasion: &mut Occasion, _: &mut dyn Hands| {
                let title = occasion.fields["record"]["title"].as_str().unwrap().to_owned();
                let _ = told.lock().unwrap().send(format!("create {title}"));
                Ok(())
            };
            Registration::new(Event::RecordAfterCreate, "a", Arc::new(handler))
        };
        let id = hooks.register(registration());
        create(&world, "one");
        assert_eq!(next(&heard), "create one");
        hooks.unregister(id);
        if forget {
            followers.forget("a");
        }
        // its thread has seen that it is of no use any more
        while !followers.list().is_empty() {
            std::thread::yield_now();
        }
        create(&world, "meanwhile");
        hooks.register(registration());
        create(&world, "now");
        assert_eq!(next(&heard), expected);
        followers.stop();
    }
}

#[test]
fn what_retention_deleted_is_passed_over() {
    let world = World::keeping(Retention { count: 4, ..Retention::default() });
    define(&world);
    let followers = start(&world);
    let open = Arc::new(AtomicBool::new(false));
    let waiting = open.clone();
    let first = register(world.store.hooks(), "a", move |title| {
        while title == "0" && !waiting.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        false
    });
    create(&world, "0");
    assert_eq!(next(&first), "create 0");
    let head = world.store.head();
    // a page is read at a time: what was read before is still told
    for number in 1..40 {
        create(&world, &number.to_string());
    }
    while world.store.floor() <= head + 1 {
        create(&world, "more");
    }
    create(&world, "last");
    open.store(true, Ordering::Release);
    let mut heard = vec![next(&first)];
    while heard.last().unwrap() != "create last" {
        heard.push(next(&first));
    }
    assert!(!heard.contains(&"create 1".to_owned()), "{heard:?}");
    followers.stop();
}

#[test]
fn a_crash_in_the_first_moment_of_a_group_loses_nothing() {
    let world = with_posts();
    let followers = start(&world);
    // it hears nothing in this life: its first call does not return
    let (release, held) = channel::<()>();
    let held = Mutex::new(held);
    let first = register(world.store.hooks(), "a", move |_| held.lock().unwrap().recv().is_err());
    followers.rooted();
    create(&world, "one");
    assert_eq!(next(&first), "create one");
    let again = world.reopen();
    let second = register(again.store.hooks(), "a", |_| false);
    let next_life = start(&again);
    assert_eq!(next(&second), "create one");
    next_life.stop();
    drop((release, followers));
}

#[test]
fn without_a_clean_stop_nothing_is_lost_and_what_was_saved_is_not_repeated() {
    let world = with_posts();
    let followers = start(&world);
    let first = register(world.store.hooks(), "a", |_| false);
    create(&world, "one");
    assert_eq!(next(&first), "create one");
    // saved by itself, a second later at most
    let saved = format!("\"a\":{}", world.store.head());
    let setting = || world.store.read_here(|view| view.setting("tidewire.hooks.cursors")).unwrap();
    while !setting().is_some_and(|text| text.contains(&saved)) {
        std::thread::yield_now();
    }
    create(&world, "two");
    assert_eq!(next(&first), "create two");
    // the store goes without the followers being told, as in a crash
    let again = world.reopen();
    let second = register(again.store.hooks(), "a", |_| false);
    let next_life = start(&again);
    create(&again, "three");
    let mut heard = vec![next(&second)];
    while heard.last().unwrap() != "create three" {
        heard.push(next(&second));
    }
    assert!(heard == ["create two", "create three"] || heard == ["create three"], "{heard:?}");
    next_life.stop();
    drop(followers);
}
