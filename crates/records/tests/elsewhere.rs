//! Before-hooks that live elsewhere: the same order, sight and veto as those of the process, for every way in which a record
//! comes to be, changes and goes; and no write waits for the answer to another one's question.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Map, Value as Json, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use tidewire_auth::Passwords;
use tidewire_hooks::{
    Act, Asking, Elsewhere, Event, Hands, HookError, Occasion, Registration, Unsettled, Voice,
};
use tidewire_model::{Action, TenantId};
use tidewire_records::app_user::{self, NewUser, UserPatch};
use tidewire_records::hooks::StoreHands;
use tidewire_records::user::{self, NewUser as NewMember, Password, UserChange};
use tidewire_records::{Asker, Body, RecordError, delete, open, upsert};
use tidewire_store::Store;
use world::{World, prepared};

const BEFORE: [Event; 3] = [Event::RecordBeforeCreate, Event::RecordBeforeUpdate, Event::RecordBeforeDelete];

type Outcome = Result<(), HookError>;

/// Something that is asked from outside of the store.
struct Far<F>(F);

impl<F: Fn(&mut Occasion) -> Outcome + Send + Sync> Elsewhere for Far<F> {
    fn ask(&self, mut occasion: Occasion) -> Asking {
        let outcome = (self.0)(&mut occasion);
        Box::pin(async { (occasion, outcome) })
    }
}

fn here(call: impl Fn(&mut Occasion, &mut dyn Hands) -> Outcome + Send + Sync + 'static) -> Registration {
    Registration::new(Event::RecordBeforeCreate, "here", Arc::new(call))
}

fn far(call: impl Fn(&mut Occasion) -> Outcome + Send + Sync + 'static) -> Registration {
    let unused = |_: &mut Occasion, _: &mut dyn Hands| panic!("it lives elsewhere");
    Registration { elsewhere: Some(Arc::new(Far(call))), ..here(unused) }
}

/// Registers for all three events.
fn register(store: &Store, registration: Registration, priority: i64, collection: Option<&str>) {
    for event in BEFORE {
        let collection = collection.map(Into::into);
        store.hooks().register(Registration { event, priority, collection, ..registration.clone() });
    }
}

fn record(occasion: &mut Occasion) -> &mut Map<String, Json> {
    occasion.fields["record"].as_object_mut().unwrap()
}

fn object(json: Json) -> Body {
    json.as_object().unwrap().clone()
}

fn create(collection: &str, data: Json) -> Act {
    Act::Create { collection: collection.into(), data: object(data), rules: false }
}

fn failed(error: tidewire_hooks::ActError) -> HookError {
    HookError::Failed(error.to_string())
}

fn with_posts() -> World {
    let world = World::empty();
    world.define(json!({
        "name": "posts", "type": "base", "createRule": "", "updateRule": "", "deleteRule": "",
        "fields": [
            {"name": "title", "type": "text"},
            {"name": "votes", "type": "number"},
            {"name": "code", "type": "text", "autogeneratePattern": "[a-f]{2,9}-(x|y)"},
            {"name": "created", "type": "autodate", "onCreate": true},
            {"name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true},
        ],
    }));
    world.define(json!({
        "name": "comments", "type": "base", "createRule": "", "updateRule": "", "deleteRule": "",
        "fields": [
            {"name": "text", "type": "text"},
            {"name": "post", "type": "relation", "collectionId": "<id of collection posts>", "cascadeDelete": true},
            {"name": "seen", "type": "relation", "collectionId": "<id of collection posts>", "maxSelect": 5},
        ],
    }));
    world.heard();
    world
}

/// Adds a letter to the title, and counts.
fn adds(letter: &'static str, calls: &Arc<AtomicUsize>, is_far: bool) -> Registration {
    let calls = calls.clone();
    let add = move |occasion: &mut Occasion| {
        calls.fetch_add(1, Ordering::Relaxed);
        let title = record(occasion)["title"].as_str().unwrap_or_default().to_owned() + letter;
        record(occasion).insert("title".into(), json!(title));
        Ok(())
    };
    if is_far { far(add) } else { here(move |occasion, _| add(occasion)) }
}

#[test]
fn all_are_called_in_one_order_and_each_sees_what_the_one_before_it_set() {
    for far_ones in [[true, false, false], [false, true, false], [false, false, true], [true; 3]] {
        for (priorities, expected) in
            [([3, 2, 1], "-abc"), ([1, 2, 3], "-cba"), ([2, 3, 1], "-bac"), ([0, 0, 0], "-abc")]
        {
            let world = with_posts();
            let calls = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
            for (index, letter) in ["a", "b", "c"].into_iter().enumerate() {
                let hook = adds(letter, &calls[index], far_ones[index]);
                register(&world.store, hook, priorities[index], Some("posts"));
            }
            let made = world.create(&world.guest(), "posts", json!({"title": "-"})).unwrap();
            assert_eq!(made.text("title"), expected, "{far_ones:?} {priorities:?}");
            let changed = world.update(&world.guest(), "posts", made.id(), json!({"title": "-"})).unwrap();
            assert_eq!(changed.text("title"), expected);
            // those of the process that only look at the record are not called again either
            assert_eq!(calls.map(|calls| calls.load(Ordering::Relaxed)), [2; 3], "{far_ones:?}");
        }
    }
}

/// "operation collection" of what is asked about.
type Asked = Arc<Mutex<Vec<String>>>;

fn listening(world: &World) -> Asked {
    let asked = Asked::default();
    let hearing = asked.clone();
    let call = move |occasion: &mut Occasion| {
        let operation = occasion.fields["operation"].as_str().unwrap();
        let collection = occasion.collection.clone().unwrap();
        hearing.lock().unwrap().push(format!("{operation} {collection}"));
        Ok(())
    };
    register(&world.store, far(call), 0, None);
    asked
}

type Way = fn(&World) -> Result<(), RecordError>;

fn post(world: &World, title: &str) -> String {
    let hooks = world.store.hooks();
    let all: Vec<_> = BEFORE.iter().flat_map(|event| hooks.registered(*event)).collect();
    // what is there already was not asked about
    assert!(all.is_empty());
    world.create(&world.superuser(), "posts", json!({"title": title})).unwrap().id().to_owned()
}

fn hands(world: &World) -> StoreHands {
    StoreHands::new(world.store.clone(), Passwords::new(1, 4), world.guest())
}

fn acted(result: Result<Json, tidewire_hooks::ActError>) -> Result<(), RecordError> {
    result.map(drop).map_err(|error| RecordError::Refused { status: error.status, message: error.message })
}

const TITLES: &str = "title ~ 'p'";

fn first_post(world: &World) -> String {
    let found = hands(world).act(Act::List {
        collection: "posts".into(),
        filter: TITLES.into(),
        sort: "title".into(),
        page: 1,
        per_page: 1,
        rules: false,
    });
    found.unwrap()[0]["id"].as_str().unwrap().to_owned()
}

const WAYS: [(&str, Way, &[&str]); 15] = [
    (
        "create",
        |world| world.create(&world.guest(), "posts", json!({"title": "n"})).map(drop),
        &["create posts"],
    ),
    (
        "update",
        |world| world.update(&world.guest(), "posts", &first_post(world), json!({"votes": 2})).map(drop),
        &["update posts"],
    ),
    (
        "cascade and release",
        |world| world.delete(&world.guest(), "posts", &first_post(world)),
        &["delete posts", "delete comments", "update comments"],
    ),
    (
        "truncate",
        |world| {
            let (asker, posts) = (world.superuser(), world.collection("posts"));
            world.store.write_blocking(move |tx| delete::truncate(tx, &asker, &posts))
        },
        &["delete posts", "delete comments", "update comments", "delete posts"],
    ),
    (
        "upsert of a new one",
        |world| upserted(world, json!({"id": "chosenbyclient1", "title": "n"})),
        &["create posts"],
    ),
    (
        "upsert of a known one",
        |world| upserted(world, json!({"id": first_post(world), "title": "n"})),
        &["update posts"],
    ),
    (
        "hands on the store",
        |world| acted(hands(world).act(create("posts", json!({"title": "n"})))),
        &["create posts"],
    ),
    (
        "an auth record with a password",
        |world| acted(hands(world).act(create("users", json!({"email": "a@b.co", "password": "12345678"})))),
        &["create users"],
    ),
    ("an app user signs up", |world| app_user_signs_up(world).map(drop), &["create _app_users"]),
    (
        "an app user changes",
        |world| {
            let (user, asker) = (app_user_signs_up(world)?, project(world));
            let patch = UserPatch { phone_number: Some("2".into()), ..UserPatch::default() };
            let id = user.id().to_owned();
            world.store.write_blocking(move |tx| app_user::update(tx, &asker, &id, patch)).map(drop)
        },
        &["create _app_users", "update _app_users"],
    ),
    ("a member of an account", |world| member(world).map(drop), &["create users"]),
    (
        "a member changes",
        |world| {
            let (old, by) = (member(world)?, world.superuser());
            let change = UserChange { disabled: Some(true), ..UserChange::default() };
            world.store.write_blocking(move |tx| user::change(tx, &old, &change, &by)).map(drop)
        },
        &["create users", "update users"],
    ),
    ("a document", |world| documents(world, false), &["create notes", "update notes", "delete notes"]),
    (
        "an emptied collection",
        |world| documents(world, true),
        &["create notes", "create notes", "delete notes", "delete notes"],
    ),
    (
        "several in one transaction",
        |world| {
            let (asker, posts) = (world.guest(), world.collection("posts"));
            let all = ["n1", "n2", "n3"].map(|title| prepared(&posts, json!({"title": title})));
            world.store.write_blocking(move |tx| {
                all.iter()
                    .try_for_each(|one| tidewire_records::create::create(tx, &asker, &posts, one).map(drop))
            })
        },
        &["create posts", "create posts", "create posts"],
    ),
];

fn upserted(world: &World, body: Json) -> Result<(), RecordError> {
    let (asker, posts) = (world.guest(), world.collection("posts"));
    let body = prepared(&posts, body);
    world.store.write_blocking(move |tx| upsert::upsert(tx, &asker, &posts, &body)).map(drop)
}

fn project(world: &World) -> Asker {
    Asker { tenant: TenantId::new("t1"), ..world.guest() }
}

fn app_user_signs_up(world: &World) -> Result<Arc<tidewire_model::Record>, RecordError> {
    let new = NewUser {
        email: "good@example.com".into(),
        hash: "h".into(),
        phone_number: String::new(),
        data: Map::new(),
        roles: vec![],
    };
    let tenant = project(world).tenant;
    world.store.write_blocking(move |tx| app_user::sign_up(tx, &tenant, new))
}

fn member(world: &World) -> Result<Arc<tidewire_model::Record>, RecordError> {
    let by = world.superuser();
    let password = Password { plain: "long-enough-1".into(), hash: "h".into() };
    let new =
        NewMember { email: "m@example.com".into(), password, role: "user".into(), ..NewMember::default() };
    world.store.write_blocking(move |tx| user::create(tx, &TenantId::default(), &new, &by))
}

/// Documents that come, change and go; or two that go with all others.
fn documents(world: &World, all: bool) -> Result<(), RecordError> {
    let asker = project(world);
    world.store.write_blocking(move |tx| {
        let notes = open::create(tx, &asker.tenant, "notes", |_| {})?;
        let note = open::insert(tx, &asker, &notes, object(json!({"a": 1})))?;
        if all {
            open::insert(tx, &asker, &notes, object(json!({"a": 1})))?;
            return open::empty(tx, &asker, &notes);
        }
        let note = open::merge(tx, &asker, &note, object(json!({"a": 2})))?;
        open::delete(tx, &asker, note)
    })
}

/// Two posts, the first with a comment of each kind.
fn filled() -> World {
    let world = with_posts();
    let (first, su) = (post(&world, "p1"), world.superuser());
    post(&world, "p2");
    world.create(&su, "comments", json!({"text": "c", "post": first})).unwrap();
    world.create(&su, "comments", json!({"text": "s", "seen": [first]})).unwrap();
    world.heard();
    world
}

/// Changes of what users see as records.
fn seen(world: &World) -> Vec<String> {
    let mut changes = world.heard();
    changes.retain(|change| !change.contains(" _groups/"));
    changes
}

#[test]
fn every_write_is_asked_about_once_and_can_be_refused() {
    for (name, way, expected) in WAYS {
        let world = filled();
        let asked = listening(&world);
        way(&world).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(*asked.lock().unwrap(), *expected, "{name}");
        let changes = seen(&world);
        assert_eq!(changes.len(), expected.len(), "{name}: {changes:?}");
        // each question may be the one that is answered with a refusal
        for last in 1..=expected.len() {
            let world = filled();
            let asked = Arc::new(AtomicUsize::new(0));
            let call = move |_: &mut Occasion| match asked.fetch_add(1, Ordering::Relaxed) + 1 {
                number if number == last => Err(HookError::abort(418, "not this")),
                _ => Ok(()),
            };
            register(&world.store, far(call), 0, None);
            let refused = way(&world).unwrap_err();
            assert!(
                matches!(refused, RecordError::Refused { status: 418, .. }),
                "{name} {last}: {refused:?}"
            );
            // of a job nothing is left; of two jobs the first one stays
            let left = seen(&world);
            let jobs = usize::from(name.ends_with("changes"));
            assert!(left.len() <= jobs && (jobs == 0 || left.len() + 1 == last), "{name} {last}: {left:?}");
        }
    }
}

#[test]
fn what_hooks_write_is_asked_about_too_and_happens_once() {
    let world = with_posts();
    let write = |occasion: &mut Occasion, hands: &mut dyn Hands| {
        let title = record(occasion)["title"].clone();
        let made = hands.act(create("comments", json!({"text": "by a hook"}))).map_err(failed)?;
        assert_eq!(made["text"], "told by both", "{title}");
        hands.act(Act::Publish { topic: "made".into(), data: made["id"].clone() }).map_err(failed)?;
        record(occasion).insert("title".into(), json!("after the hook"));
        Ok(())
    };
    world.store.hooks().register(Registration {
        priority: 2,
        collection: Some("posts".into()),
        ..here(write)
    });
    let asked = listening(&world);
    let tell = |occasion: &mut Occasion| {
        record(occasion).insert("text".into(), json!("told by both"));
        Ok(())
    };
    register(&world.store, far(tell), -1, Some("comments"));
    let made = world.create(&world.guest(), "posts", json!({"title": "a"})).unwrap();
    assert_eq!(made.text("title"), "after the hook");
    assert_eq!(*asked.lock().unwrap(), ["create comments", "create posts"]);
    let heard = world.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    // the comment that was asked about is the one that was written, and the one that was told
    let comment = heard[0].strip_prefix("create comments/").unwrap();
    assert_eq!(world.messages(), [format!("made \"{comment}\"")]);
}

#[test]
fn a_hook_that_swallows_what_is_broken_off_loses_nothing() {
    let world = with_posts();
    let write = |occasion: &mut Occasion, hands: &mut dyn Hands| {
        let done = hands.act(create("comments", json!({"text": "by a hook"})));
        let again = hands.act(create("comments", json!({"text": "again"})));
        record(occasion).insert("title".into(), json!(format!("{} {}", done.is_ok(), again.is_ok())));
        Ok(())
    };
    world.store.hooks().register(Registration { collection: Some("posts".into()), ..here(write) });
    let asked = listening(&world);
    let made = world.create(&world.guest(), "posts", json!({"title": "a"})).unwrap();
    assert_eq!(made.text("title"), "true true");
    assert_eq!(*asked.lock().unwrap(), ["create comments", "create comments", "create posts"]);
    assert_eq!(world.heard().len(), 3);
}

#[test]
fn other_writes_go_on_while_a_question_waits() {
    let world = Arc::new(with_posts());
    let ((tell, told), (release, held)) = (channel(), channel::<()>());
    let (tell, held) = (Mutex::new(tell), Mutex::new(held));
    let slow = move |_: &mut Occasion| {
        tell.lock().unwrap().send(()).unwrap();
        held.lock().unwrap().recv().map_err(|_| HookError::TimedOut)
    };
    register(&world.store, far(slow), 0, Some("posts"));
    let writing = world.clone();
    let slow = thread::spawn(move || writing.create(&writing.guest(), "posts", json!({"title": "slow"})));
    told.recv().unwrap();
    for _ in 0..3 {
        world.create(&world.guest(), "comments", json!({"text": "fast"})).unwrap();
    }
    assert_eq!(world.heard().len(), 3);
    release.send(()).unwrap();
    slow.join().unwrap().unwrap();
    assert_eq!(world.heard().len(), 1);
}

#[test]
fn data_that_change_between_the_tries_are_asked_about_anew() {
    let world = Arc::new(filled());
    let (id, writing) = (first_post(&world), Arc::downgrade(&world));
    let asked: Arc<Mutex<Vec<Json>>> = Arc::default();
    let hearing = asked.clone();
    let meddle = move |occasion: &mut Occasion| {
        hearing.lock().unwrap().push(occasion.fields["old"]["votes"].clone());
        if hearing.lock().unwrap().len() == 1 {
            // as somebody else would while this one thinks
            let (world, id) = (writing.upgrade().unwrap(), record(occasion)["id"].clone());
            let posts = world.collection("posts");
            let changed = world.store.write_blocking(move |tx| {
                let old = tx.get(&posts, &TenantId::default(), id.as_str().unwrap())?.unwrap();
                let mut new = tidewire_model::Record::clone(&old);
                new.set("votes", tidewire_model::Value::Number(7.0));
                tx.update(&old, new, "")
            });
            let _: Result<_, tidewire_store::StoreError> = changed;
        }
        record(occasion).insert("title".into(), json!("told"));
        Ok(())
    };
    register(&world.store, far(meddle), 0, Some("posts"));
    let changed = world.update(&world.guest(), "posts", &id, json!({"title": "x", "votes+": 1})).unwrap();
    assert_eq!(*asked.lock().unwrap(), [json!(0.0), json!(7.0)]);
    assert_eq!((changed.text("title"), changed.get("votes").unwrap().to_json()), ("told", json!(8.0)));
}

#[test]
fn questions_that_never_settle_end_with_an_error_that_says_so() {
    let world = with_posts();
    let (tries, count) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let changing = tries.clone();
    let change = move |occasion: &mut Occasion, hands: &mut dyn Hands| {
        // it reads, so it is called in each try
        hands.act(Act::Setting { path: "meta.appName".into() }).map_err(failed)?;
        record(occasion).insert("votes".into(), json!(changing.fetch_add(1, Ordering::Relaxed)));
        Ok(())
    };
    register(&world.store, here(change), 1, Some("posts"));
    let counting = count.clone();
    register(
        &world.store,
        far(move |_| {
            counting.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }),
        0,
        None,
    );
    let refused = world.create(&world.guest(), "posts", json!({"title": "a"})).unwrap_err();
    let expected = RecordError::Refused { status: 503, message: Unsettled::Unsteady.to_string() };
    assert_eq!(refused.to_string(), expected.to_string());
    assert_eq!((tries.load(Ordering::Relaxed), count.load(Ordering::Relaxed)), (18, 17));
    assert_eq!(world.heard(), Vec::<String>::new());
    // the store has not suffered
    world.create(&world.guest(), "comments", json!({"text": "a"})).unwrap();
}

#[test]
fn one_that_breaks_opens_or_closes() {
    for error in [HookError::TimedOut, HookError::Failed("dead".into())] {
        for (stop_on_error, is_made) in [(false, true), (true, false)] {
            let world = with_posts();
            let error = error.clone();
            let broken = far(move |_| Err(error.clone()));
            register(&world.store, Registration { stop_on_error, ..broken }, 0, None);
            let made = world.create(&world.guest(), "posts", json!({"title": "a"}));
            assert_eq!(made.is_ok(), is_made, "{made:?}");
            assert_eq!(world.heard().len(), usize::from(is_made));
        }
    }
}

#[derive(Default)]
struct Loud(Mutex<Vec<String>>);

impl Voice for Loud {
    fn say(&self, _: &TenantId, room: &str, _: Json) -> Result<(), tidewire_hooks::ActError> {
        self.0.lock().unwrap().push(room.to_owned());
        Ok(())
    }

    fn broadcast(&self, _: &TenantId, event: &str, _: Json) -> Result<(), tidewire_hooks::ActError> {
        self.0.lock().unwrap().push(event.to_owned());
        Ok(())
    }
}

#[test]
fn what_is_said_in_rooms_is_said_once() {
    let world = with_posts();
    let loud = Arc::new(Loud::default());
    world.store.hooks().set_voice(loud.clone());
    let say = |_: &mut Occasion, hands: &mut dyn Hands| {
        hands.act(Act::Say { room: "r".into(), data: json!(1) }).map(drop).map_err(failed)
    };
    register(&world.store, here(say), 1, None);
    listening(&world);
    world.create(&world.guest(), "posts", json!({"title": "a"})).unwrap();
    assert_eq!(*loud.0.lock().unwrap(), ["r"]);
}

#[test]
fn what_a_hook_wrote_before_it_broke_is_undone_alone() {
    let world = with_posts();
    for breaks in [true, false] {
        let write = move |_: &mut Occasion, hands: &mut dyn Hands| {
            let text = if breaks { "broken" } else { "whole" };
            hands.act(create("comments", json!({"text": text}))).map_err(failed)?;
            hands.act(Act::Publish { topic: text.into(), data: json!(1) }).map_err(failed)?;
            if breaks { Err(HookError::Failed("on purpose".into())) } else { Ok(()) }
        };
        register(&world.store, here(write), 0, Some("posts"));
    }
    world.create(&world.guest(), "posts", json!({"title": "a"})).unwrap();
    let heard = world.heard();
    assert!(heard.len() == 2 && heard[0].starts_with("create comments/"), "{heard:?}");
    assert_eq!(world.messages(), ["whole 1"]);
}

/// Numbers that look like chance and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What a hook of the comparison does; it follows from the record alone.
fn behave(kind: u64, occasion: &mut Occasion) -> Outcome {
    let fields = record(occasion);
    let is_post = fields.contains_key("title");
    match kind {
        0 if is_post => {
            let title = fields["title"].as_str().unwrap_or_default().to_owned() + "x";
            fields.insert("title".into(), json!(title));
        }
        1 if is_post => {
            let votes = fields["votes"].as_f64().unwrap_or_default() * 2.0 + 1.0;
            fields.insert("votes".into(), json!(votes));
        }
        2 if is_post && fields["title"].as_str().is_some_and(|title| title.len() % 5 == 4) => {
            return Err(HookError::abort(400, "five"));
        }
        3 => return Err(HookError::Failed("passed over".into())),
        4 if !is_post => drop(fields.insert("text".into(), json!("seen"))),
        _ => {}
    }
    Ok(())
}

/// The outcome of a row of writes with the same hooks, of which some live elsewhere.
fn play(seed: u64, anybody_far: bool) -> Vec<String> {
    let (world, mut numbers) = (with_posts(), Numbers(seed));
    for _ in 0..4 {
        let (kind, priority, is_far) = (numbers.below(5), numbers.below(3), numbers.below(2) == 0);
        let hook = if is_far && anybody_far {
            far(move |occasion| behave(kind, occasion))
        } else {
            here(move |occasion, _| behave(kind, occasion))
        };
        register(&world.store, hook, i64::try_from(priority).unwrap(), None);
    }
    let comment = |occasion: &mut Occasion, hands: &mut dyn Hands| {
        let text = record(occasion)["title"].clone();
        hands.act(create("comments", json!({"text": text}))).map(drop).map_err(failed)
    };
    register(&world.store, here(comment), 1, Some("posts"));
    let mut ids: Vec<String> = Vec::new();
    let mut told = Vec::new();
    for _ in 0..8 {
        let chosen = usize::try_from(numbers.below(4)).unwrap();
        let title = "t".repeat(usize::try_from(numbers.below(6)).unwrap());
        let action = match (numbers.below(3), ids.is_empty()) {
            (0, _) | (_, true) => Action::Create,
            (1, _) => Action::Update,
            _ => Action::Delete,
        };
        let guest = world.guest();
        let id = ids.get(chosen % ids.len().max(1)).cloned().unwrap_or_default();
        let done = match action {
            Action::Create => world.create(&guest, "posts", json!({"title": title, "votes": 1})).map(Some),
            Action::Update => world.update(&guest, "posts", &id, json!({"title": title})).map(Some),
            Action::Delete => world.delete(&guest, "posts", &id).map(|()| None),
        };
        if let (Action::Create, Ok(Some(made))) = (action, &done) {
            ids.push(made.id().to_owned());
        }
        let shown = done.map(|made| {
            made.map(|made| format!("{} {}", made.text("title"), made.get("votes").unwrap().to_json()))
        });
        told.push(format!("{action:?} {shown:?}"));
    }
    told.extend(world.heard().iter().map(|line| line.split('/').next().unwrap().to_owned()));
    told
}

#[test]
fn it_makes_no_difference_where_hooks_live() {
    for seed in 0..12 {
        assert_eq!(play(seed, true), play(seed, false), "{seed}");
    }
}
