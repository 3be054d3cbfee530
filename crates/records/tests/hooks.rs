//! Before-hooks: what they see, what they may change, what they write themselves, and that all of it goes with the write.

#![allow(clippy::unwrap_used)]

mod world;

use serde_json::{Map, Value as Json, json};
use std::sync::{Arc, Mutex};
use tidewire_auth::Passwords;
use tidewire_hooks::{Act, ActError, Event, Hands, HookError, Occasion, Registration, Voice};
use tidewire_model::TenantId;
use tidewire_records::app_user::{self, NewUser, UserPatch};
use tidewire_records::hooks::StoreHands;
use tidewire_records::{Asker, RecordError, open};
use world::{World, fault_codes};

type Outcome = Result<(), HookError>;

fn with_posts() -> World {
    let world = World::empty();
    world.define(json!({
        "name": "posts", "type": "base", "createRule": "", "updateRule": "", "deleteRule": "", "viewRule": "",
        "listRule": "title != 'secret'",
        "fields": [
            {"name": "title", "type": "text", "max": 10},
            {"name": "votes", "type": "number"},
            {"name": "note", "type": "text", "hidden": true},
            {"name": "updated", "type": "autodate", "onCreate": true, "onUpdate": true},
        ],
    }));
    world.define(json!({
        "name": "comments", "type": "base", "createRule": null, "deleteRule": "",
        "fields": [
            {"name": "text", "type": "text", "required": true},
            {"name": "post", "type": "relation", "collectionId": "<id of collection posts>", "cascadeDelete": true},
            {"name": "seen", "type": "relation", "collectionId": "<id of collection posts>", "maxSelect": 5},
        ],
    }));
    world.heard();
    world
}

fn on(
    world: &World,
    event: Event,
    collection: Option<&str>,
    call: impl Fn(&mut Occasion, &mut dyn Hands) -> Outcome + Send + Sync + 'static,
) {
    let registration = Registration::new(event, "test", Arc::new(call));
    world.store.hooks().register(Registration { collection: collection.map(Into::into), ..registration });
}

fn record(occasion: &mut Occasion) -> &mut Map<String, Json> {
    occasion.fields["record"].as_object_mut().unwrap()
}

fn failed(error: ActError) -> HookError {
    HookError::Failed(format!("{} {error} {}", error.status, error.data))
}

fn create(collection: &str, data: Json) -> Act {
    Act::Create { collection: collection.into(), data: data.as_object().unwrap().clone(), rules: false }
}

fn update(collection: &str, id: &str, data: Json) -> Act {
    let data = data.as_object().unwrap().clone();
    Act::Update { collection: collection.into(), id: id.into(), data, rules: false }
}

fn delete(collection: &str, id: &str) -> Act {
    Act::Delete { collection: collection.into(), id: id.into(), rules: false }
}

#[test]
fn what_a_hook_sets_is_normalised_and_validated() {
    for (set, expected) in [
        (json!({"title": "changed"}), Ok(json!({"title": "changed", "votes": 1}))),
        (json!({"votes": "12"}), Ok(json!({"title": "t", "votes": 12}))),
        (json!({"votes": "many"}), Ok(json!({"title": "t", "votes": 0}))),
        (json!({"note": "for the server"}), Ok(json!({"note": "for the server"}))),
        (json!({"id": "chosenbyahook01"}), Ok(json!({"id": "chosenbyahook01"}))),
        (json!({"title": null}), Ok(json!({"title": ""}))),
        (
            json!({"unknown": 1, "collectionName": "x", "updated": "2020-01-01 00:00:00.000Z"}),
            Ok(json!({"title": "t"})),
        ),
        (json!({"title": "far too long"}), Err("title validation_max_text_constraint")),
        (json!({"id": "short"}), Err("id validation_min_text_constraint")),
    ] {
        let world = with_posts();
        let (shown, hooked) = (set.clone(), set.as_object().unwrap().clone());
        on(&world, Event::RecordBeforeCreate, Some("posts"), move |occasion, _| {
            record(occasion).extend(hooked.clone());
            Ok(())
        });
        let made = world.create(&world.guest(), "posts", json!({"title": "t", "votes": 1}));
        match (made, expected) {
            (Ok(made), Ok(expected)) => {
                for (name, value) in expected.as_object().unwrap() {
                    assert_eq!(made.get(name).unwrap().to_json(), json_number(value), "{shown}");
                }
                assert!(!made.text("updated").starts_with("2020"));
            }
            (Err(error), Err(expected)) => assert_eq!(fault_codes(&error), expected, "{shown}"),
            (made, _) => panic!("{shown}: {made:?}"),
        }
    }
}

/// Numbers are stored as fractions.
fn json_number(value: &Json) -> Json {
    value.as_i64().map_or_else(|| value.clone(), |number| json!(number as f64))
}

#[test]
fn an_update_shows_both_images_and_keeps_id() {
    let world = with_posts();
    let made =
        world.create(&world.superuser(), "posts", json!({"title": "a", "votes": 1, "note": "n"})).unwrap();
    let heard: Arc<Mutex<Vec<Json>>> = Arc::default();
    let hearing = heard.clone();
    on(&world, Event::RecordBeforeUpdate, None, move |occasion, _| {
        hearing.lock().unwrap().push(Json::Object(occasion.fields.clone()));
        let wish = record(occasion)["title"].clone();
        match wish.as_str() {
            Some("id") => drop(record(occasion).insert("id".into(), json!("anotherid123456"))),
            Some("gone") => drop(record(occasion).remove("votes")),
            _ => {}
        }
        Ok(())
    });
    let changed =
        world.update(&world.guest(), "posts", made.id(), json!({"title": "b", "note": "mine"})).unwrap();
    assert_eq!((changed.text("title"), changed.text("note")), ("b", "n"));
    let fields = heard.lock().unwrap()[0].clone();
    assert_eq!(fields["old"]["title"], "a");
    assert_eq!(fields["record"]["title"], "b");
    assert_eq!(fields["record"]["note"], "n");
    assert_eq!(fields["record"]["collectionName"], "posts");
    assert_eq!((&fields["collection"], &fields["operation"]), (&json!("posts"), &json!("update")));
    assert_eq!((&fields["user_id"], &fields["auth"]), (&json!(""), &Json::Null));
    let error = world.update(&world.guest(), "posts", made.id(), json!({"title": "id"})).unwrap_err();
    assert_eq!(fault_codes(&error), "id validation_pk_change");
    let changed = world.update(&world.guest(), "posts", made.id(), json!({"title": "gone"})).unwrap();
    assert_eq!(changed.get("votes").unwrap().to_json(), json!(0.0));
}

#[test]
fn passwords_are_not_shown_and_can_be_set() {
    let world = with_posts();
    let heard: Arc<Mutex<Vec<Json>>> = Arc::default();
    let hearing = heard.clone();
    on(&world, Event::RecordBeforeCreate, Some("users"), move |occasion, _| {
        hearing.lock().unwrap().push(Json::Object(occasion.fields.clone()));
        record(occasion).insert("password".into(), json!("set-by-a-hook"));
        Ok(())
    });
    on(&world, Event::RecordBeforeUpdate, Some("users"), move |occasion, _| {
        record(occasion).insert("password".into(), json!("short"));
        Ok(())
    });
    let body = json!({"email": "a@example.com", "password": "12345678", "passwordConfirm": "12345678"});
    let made = world.create(&world.superuser(), "users", body).unwrap();
    let shown = heard.lock().unwrap()[0]["record"].as_object().unwrap().clone();
    assert_eq!(shown["email"], "a@example.com");
    assert!(!shown.contains_key("password") && !shown.contains_key("tokenKey"), "{shown:?}");
    let passwords = Passwords::new(1, 4);
    let fits = |plain: &str| tidewire_store::block_on(passwords.verify(plain, Some(made.text("password"))));
    assert_eq!((fits("set-by-a-hook"), fits("12345678")), (Ok(true), Ok(false)));
    let error = world.update(&world.superuser(), "users", made.id(), json!({"name": "x"})).unwrap_err();
    assert_eq!(fault_codes(&error), "password validation_min_text_constraint");
}

#[test]
fn a_refusal_undoes_the_write_and_all_that_hooks_wrote() {
    let world = with_posts();
    on(&world, Event::RecordBeforeCreate, Some("posts"), |occasion, hands| {
        hands.act(create("comments", json!({"text": "by a hook"}))).map_err(failed)?;
        match record(occasion)["title"].as_str() {
            Some("no") => Err(HookError::abort(418, "not here")),
            _ => Ok(()),
        }
    });
    let refused = world.create(&world.guest(), "posts", json!({"title": "no"}));
    assert!(
        matches!(refused, Err(RecordError::Refused { status: 418, ref message }) if message == "not here")
    );
    assert_eq!(world.heard(), Vec::<String>::new());
    // what is refused later, by validation, undoes it as well
    world.create(&world.guest(), "posts", json!({"title": "far too long"})).unwrap_err();
    assert_eq!(world.heard(), Vec::<String>::new());
    world.create(&world.guest(), "posts", json!({"title": "yes"})).unwrap();
    let heard = world.heard();
    assert_eq!(heard.len(), 2);
    assert!(heard[0].starts_with("create comments/") && heard[1].starts_with("create posts/"), "{heard:?}");
}

#[test]
fn a_rule_is_judged_before_a_hook_is_asked() {
    let world = with_posts();
    on(&world, Event::RecordBeforeCreate, Some("comments"), |_, _| Err(HookError::abort(418, "asked")));
    let refused = world.create(&world.guest(), "comments", json!({"text": "x"}));
    assert!(matches!(refused, Err(RecordError::SuperusersOnly)), "{refused:?}");
}

#[test]
fn an_act_that_is_refused_is_undone_alone() {
    let world = with_posts();
    let made = world.create(&world.superuser(), "posts", json!({"title": "a"})).unwrap();
    world.create(&world.superuser(), "comments", json!({"text": "c", "post": made.id()})).unwrap();
    world.heard();
    let told: Arc<Mutex<Vec<ActError>>> = Arc::default();
    let (telling, id) = (told.clone(), made.id().to_owned());
    on(&world, Event::RecordBeforeDelete, Some("posts"), |_, _| Err(HookError::abort(409, "kept")));
    on(&world, Event::RecordBeforeUpdate, Some("posts"), move |occasion, hands| {
        for act in [
            create("comments", json!({})),
            create("nowhere", json!({})),
            create("_apiKeys", json!({})),
            // the comment would go first
            delete("posts", &id),
            Act::Create { collection: "comments".into(), data: Map::new(), rules: true },
            Act::Get { collection: "posts".into(), id: "missing".into(), rules: false },
            Act::Setting { path: "meta.nothing".into() },
        ] {
            telling.lock().unwrap().push(hands.act(act).unwrap_err());
        }
        record(occasion).insert("title".into(), json!("b"));
        Ok(())
    });
    world.update(&world.guest(), "posts", made.id(), json!({"votes": 2})).unwrap();
    assert_eq!(world.heard(), [format!("update posts/{}", made.id())]);
    assert_eq!(world.record("posts", made.id()).unwrap().text("title"), "b");
    let told = told.lock().unwrap();
    assert_eq!(
        told.iter().map(|error| error.status).collect::<Vec<_>>(),
        [400, 404, 404, 409, 403, 404, 404]
    );
    assert_eq!(told[0].data["text"]["code"], "validation_required");
}

#[test]
fn a_hook_reads_as_the_server_or_as_the_asker() {
    let world = with_posts();
    world.create(&world.superuser(), "posts", json!({"title": "secret", "note": "n"})).unwrap();
    world.create(&world.superuser(), "posts", json!({"title": "open", "note": "n"})).unwrap();
    let told: Arc<Mutex<Vec<Json>>> = Arc::default();
    let telling = told.clone();
    on(&world, Event::RecordBeforeCreate, Some("posts"), move |_, hands| {
        for rules in [false, true] {
            let (collection, filter, sort) =
                ("posts".to_owned(), "title != ''".to_owned(), "title".to_owned());
            let list = Act::List { collection, filter, sort, page: 1, per_page: 10, rules };
            telling.lock().unwrap().push(hands.act(list).map_err(failed)?);
        }
        telling
            .lock()
            .unwrap()
            .push(hands.act(Act::Setting { path: "meta.appName".into() }).map_err(failed)?);
        Ok(())
    });
    world.create(&world.guest(), "posts", json!({"title": "x"})).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told[0].as_array().unwrap().len(), 2);
    assert_eq!(told[0][0]["note"], "n");
    assert_eq!(told[1].as_array().unwrap().len(), 1);
    assert!(told[1][0].get("note").is_none());
    assert_eq!(told[2], "Acme");
}

#[test]
fn a_hook_that_writes_the_record_it_is_called_for_ends() {
    let world = with_posts();
    let made = world.create(&world.superuser(), "posts", json!({"title": "a"})).unwrap();
    world.heard();
    let deepest: Arc<Mutex<Vec<String>>> = Arc::default();
    let (telling, id) = (deepest.clone(), made.id().to_owned());
    on(&world, Event::RecordBeforeUpdate, Some("posts"), move |occasion, hands| {
        let votes = record(occasion)["votes"].as_f64().unwrap() + 1.0;
        if let Err(error) = hands.act(update("posts", &id, json!({"votes": votes}))) {
            telling.lock().unwrap().push(error.to_string());
        }
        Ok(())
    });
    let changed = world.update(&world.guest(), "posts", made.id(), json!({"title": "b"})).unwrap();
    // what the deepest wrote is kept, and the image that is logged last has all of it
    assert_eq!(changed.text("title"), "b");
    assert_eq!(changed.get("votes").unwrap().to_json(), json!(1.0));
    assert_eq!(world.record("posts", made.id()).unwrap().get("votes"), changed.get("votes"));
    assert_eq!(world.heard().len(), 8);
    assert_eq!(*deepest.lock().unwrap(), ["hooks write on behalf of each other more than 8 deep"]);
}

#[test]
fn hooks_that_delete_what_is_being_written_are_no_loop() {
    let world = with_posts();
    let made = world.create(&world.superuser(), "posts", json!({"title": "a"})).unwrap();
    world.heard();
    for event in [Event::RecordBeforeUpdate, Event::RecordBeforeDelete] {
        let id = made.id().to_owned();
        on(&world, event, Some("posts"), move |_, hands| {
            hands.act(delete("posts", &id)).map(drop).or(Ok(()))
        });
    }
    let gone = world.update(&world.guest(), "posts", made.id(), json!({"title": "b"}));
    assert!(matches!(gone, Err(RecordError::NotFound)), "{gone:?}");
    assert!(world.record("posts", made.id()).is_some(), "it came back with the rest of the job");
    world.delete(&world.guest(), "posts", made.id()).unwrap();
    assert_eq!(world.heard(), [format!("delete posts/{}", made.id())]);
}

#[test]
fn cascades_and_releases_call_hooks_as_well() {
    let world = with_posts();
    let su = world.superuser();
    let post = world.create(&su, "posts", json!({"title": "a"})).unwrap();
    let child = world.create(&su, "comments", json!({"text": "c", "post": post.id()})).unwrap();
    let seen = world.create(&su, "comments", json!({"text": "s", "seen": [post.id()]})).unwrap();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    for event in [Event::RecordBeforeUpdate, Event::RecordBeforeDelete] {
        let hearing = heard.clone();
        on(&world, event, None, move |occasion, _| {
            let id = record(occasion)["id"].as_str().unwrap().to_owned();
            hearing.lock().unwrap().push(format!("{} {id}", occasion.event.name()));
            if occasion.event == Event::RecordBeforeUpdate {
                record(occasion).insert("text".into(), json!("released"));
            }
            Ok(())
        });
    }
    world.delete(&world.guest(), "posts", post.id()).unwrap();
    let expected = [
        format!("record.before_delete {}", post.id()),
        format!("record.before_delete {}", child.id()),
        format!("record.before_update {}", seen.id()),
    ];
    let mut heard = heard.lock().unwrap().clone();
    heard[1..].sort();
    assert_eq!(heard, expected);
    let seen = world.record("comments", seen.id()).unwrap();
    assert_eq!((seen.text("text"), seen.get("seen").unwrap().to_json()), ("released", json!([])));
}

#[test]
fn documents_and_app_users_are_records() {
    let world = World::empty();
    let tenant = TenantId::new("t1");
    let asker = Asker { tenant: tenant.clone(), ..world.guest() };
    for event in [Event::RecordBeforeCreate, Event::RecordBeforeUpdate, Event::RecordBeforeDelete] {
        on(&world, event, None, |occasion, _| {
            assert_eq!(occasion.fields["account_id"], "t1");
            let (collection, operation) = (occasion.collection.clone().unwrap(), occasion.event);
            let record = record(occasion);
            match (&*collection, operation) {
                ("notes", Event::RecordBeforeDelete) if record["keep"] == true => {
                    Err(HookError::abort(409, "kept"))
                }
                ("notes", _) => {
                    record.remove("secret");
                    record.insert("hooked".into(), json!(true));
                    Ok(())
                }
                ("_app_users", _) if record["email"] == "bad@example.com" => {
                    Err(HookError::abort(403, "banned"))
                }
                _ => {
                    record.insert("phone_number".into(), json!("1"));
                    Ok(())
                }
            }
        });
    }
    let (note, kept) = world
        .store
        .write_blocking({
            let asker = asker.clone();
            move |tx| {
                let notes = open::create(tx, &asker.tenant, "notes", |_| {})?;
                let data = |json: Json| json.as_object().unwrap().clone();
                let note = open::insert(tx, &asker, &notes, data(json!({"a": 1, "secret": 2, "id": "own"})))?;
                let note = open::merge(tx, &asker, &note, data(json!({"keep": true, "hooked": false})))?;
                let kept = open::delete(tx, &asker, note.clone()).unwrap_err();
                Ok::<_, RecordError>((note, kept))
            }
        })
        .unwrap();
    let expected = json!({"a": 1, "hooked": true, "id": "own", "keep": true});
    assert_eq!(note.get("data").unwrap().to_json(), expected);
    assert!(matches!(kept, RecordError::Refused { status: 409, .. }));
    let new = |email: &str| NewUser {
        email: email.into(),
        hash: "h".into(),
        phone_number: String::new(),
        data: Map::new(),
        roles: vec![],
    };
    let (good, bad) = (new("good@example.com"), new("bad@example.com"));
    let refused = world.store.write_blocking({
        let tenant = tenant.clone();
        move |tx| app_user::sign_up(tx, &tenant, bad)
    });
    assert!(matches!(refused, Err(RecordError::Refused { status: 403, .. })));
    let user = world.store.write_blocking(move |tx| {
        let user = app_user::sign_up(tx, &tenant, good)?;
        let patch = UserPatch { phone_number: Some("2".into()), ..UserPatch::default() };
        app_user::update(tx, &asker, user.id(), patch)
    });
    assert_eq!(user.unwrap().text("phone_number"), "1");
}

#[test]
fn broken_hooks_are_passed_over_unless_told_otherwise() {
    let world = with_posts();
    on(&world, Event::RecordBeforeCreate, Some("posts"), |_, _| Err(HookError::Failed("broke".into())));
    on(&world, Event::RecordBeforeCreate, Some("posts"), |occasion, _| {
        occasion.fields.remove("nothing");
        panic!("on purpose")
    });
    world.create(&world.guest(), "posts", json!({"title": "a"})).unwrap();
    on(&world, Event::RecordBeforeUpdate, Some("posts"), |occasion, _| {
        occasion.fields.remove("record");
        Ok(())
    });
    let made = world.create(&world.guest(), "posts", json!({"title": "a"})).unwrap();
    let left = world.update(&world.guest(), "posts", made.id(), json!({"title": "b"}));
    assert!(matches!(left, Err(RecordError::Refused { status: 500, .. })), "{left:?}");
    let registration = Registration::new(
        Event::RecordBeforeCreate,
        "strict",
        Arc::new(|_: &mut Occasion, _: &mut dyn Hands| -> Outcome { Err(HookError::TimedOut) }),
    );
    world.store.hooks().register(Registration { stop_on_error: true, ..registration });
    let refused = world.create(&world.guest(), "posts", json!({"title": "a"}));
    assert!(matches!(refused, Err(RecordError::Refused { status: 500, .. })), "{refused:?}");
}

struct Loud(Mutex<Vec<String>>);

impl Voice for Loud {
    fn say(&self, tenant: &TenantId, room: &str, data: Json) -> Result<(), ActError> {
        self.0.lock().unwrap().push(format!("{tenant} {room} {data}"));
        Ok(())
    }

    fn broadcast(&self, tenant: &TenantId, event: &str, data: Json) -> Result<(), ActError> {
        self.0.lock().unwrap().push(format!("{tenant} {event} {data}"));
        Ok(())
    }
}

#[test]
fn hands_on_the_store_act_in_transactions_of_their_own() {
    let world = with_posts();
    let mut hands = StoreHands::new(world.store.clone(), Passwords::new(1, 4), world.guest());
    let made = hands.act(create("posts", json!({"title": "a", "note": "n"}))).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["note"], "n");
    let changed = hands.act(update("posts", &id, json!({"votes+": 2}))).unwrap();
    assert_eq!(changed["votes"], 2.0);
    let seen = hands.act(Act::Get { collection: "posts".into(), id: id.clone(), rules: true }).unwrap();
    assert!(seen.get("note").is_none(), "{seen}");
    let user = create("users", json!({"email": "a@example.com", "password": "12345678"}));
    assert_eq!(hands.act(user).unwrap()["email"], "a@example.com");
    let guest = Act::Create { collection: "comments".into(), data: Map::new(), rules: true };
    assert_eq!(hands.act(guest).unwrap_err().status, 403);
    assert_eq!(
        hands.act(create("comments", json!({}))).unwrap_err().data["text"]["code"],
        "validation_required"
    );
    assert_eq!(hands.act(delete("posts", &id)), Ok(Json::Null));
    assert_eq!(world.heard().len(), 4);
    let say = Act::Say { room: "r".into(), data: json!(1) };
    assert_eq!(hands.act(say.clone()).unwrap_err().status, 503);
    let loud = Arc::new(Loud(Mutex::default()));
    world.store.hooks().set_voice(loud.clone());
    hands.act(say).unwrap();
    hands.act(Act::Broadcast { event: "e".into(), data: json!(2) }).unwrap();
    assert_eq!(
        *loud.0.lock().unwrap(),
        [format!("{} r 1", TenantId::default()), format!("{} e 2", TenantId::default())]
    );
}
