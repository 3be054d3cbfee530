//! Many residuals asked together say what each says alone; and what a residual reads is all that its answer depends on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::types::Value as Owned;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Identity, Principal, Record};
use tidewire_rules::{Audience, Expr, Facts, Limits, Panel, Query, Residual, Rule, Statement};
use world::generate::*;
use world::{OfImage, World};

/// One rule bound for each of the requests; nothing if it cannot be resolved.
fn bound(world: &World, text: &str, requests: &[Json]) -> Vec<Residual> {
    let collection = world.collection("p");
    let Ok(expr) = Expr::parse(text, Limits::default()) else { return Vec::new() };
    let Ok(rule) = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule) else {
        return Vec::new();
    };
    let bind = |request: &Json| {
        let record = Arc::new(world::record(&collection, &world.tenant, request));
        let tenant = world.tenant.clone();
        let identity = Identity { record, superuser: false, tenant, expires_at: None };
        let (principal, body) = (Principal::Known(Arc::new(identity)), request.as_object().unwrap().clone());
        rule.bind(&Facts { principal, body, ..Facts::default() })
    };
    requests.iter().map(bind).collect()
}

fn alone(world: &World, residual: &Residual, image: &Record) -> Result<bool, String> {
    world.show(image);
    let query = Query::new(&image.collection, &image.tenant, NOW).filter(residual);
    Ok(!world.run(&query.exists(&OfImage))?.is_empty())
}

/// The answers, and how many statements they took.
fn together(world: &World, residuals: &[Residual], image: &Record) -> (Vec<Result<bool, String>>, usize) {
    world.show(image);
    let Panel { known, choices } = Panel::new(&residuals.iter().collect::<Vec<_>>(), image, NOW, &OfImage);
    let mut answers: Vec<_> = known.into_iter().map(|answer| Ok(answer.unwrap_or(false))).collect();
    for choice in &choices {
        match world.run(&choice.statement) {
            Err(error) => choice.of.iter().for_each(|place| answers[*place] = Err(error.clone())),
            Ok(rows) if choice.all => {
                choice.of.iter().for_each(|place| answers[*place] = Ok(!rows.is_empty()))
            }
            Ok(rows) => rows.iter().filter_map(|row| choice.of.get(number(&row[0]))).for_each(|place| {
                answers[*place] = Ok(true);
            }),
        }
    }
    (answers, choices.len())
}

fn number(value: &Owned) -> usize {
    match value {
        Owned::Integer(number) => usize::try_from(*number).unwrap(),
        other => panic!("{other:?} is no number"),
    }
}

fn agree(text: &str, rows: &[Json], requests: &[Json]) -> Result<(), TestCaseError> {
    let world = world(rows);
    let residuals = bound(&world, text, requests);
    for image in world.records["p"].iter().filter(|record| record.tenant == world.tenant) {
        let (answers, _) = together(&world, &residuals, image);
        for ((residual, answer), request) in residuals.iter().zip(answers).zip(requests) {
            let expected = alone(&world, residual, image);
            // one that fails takes the others with it: they are asked alone then
            if answer.is_ok() {
                prop_assert_eq!(&answer, &expected, "{} for {} of {:?}", text, request, image.values);
            } else {
                let fails = |residual| alone(&world, residual, image).is_err();
                prop_assert!(residuals.iter().any(fails), "{}: {:?}", text, answer);
            }
        }
    }
    Ok(())
}

/// What rules say of other records and of who asks; mostly what can be the same.
fn related() -> impl Strategy<Value = String> {
    let texts = (
        select(
            &["r.name", "mr.name", "@collection.q.name", "r.tags:each", "r.name:lower", "q_via_of.name"][..],
        ),
        select(&["@request.auth.t", "@request.body.t", "@request.auth.zt", "@request.body.n"][..]),
    );
    let ids = (
        select(&["r.id", "mr.id", "mr", "mr:each", "@collection.q.id", "q_via_of.id", "r.q_via_of.of"][..]),
        select(&["@request.auth.r", "@request.body.r", "@request.auth.mr", "@request.auth.id"][..]),
    );
    let numbers = (
        select(&["r.w", "mr.w", "@collection.q:x.w", "r.p_via_r.n", "q_via_of.w", "r.tags:length"][..]),
        select(&["@request.auth.n", "@request.body.n", "@request.body.t", "n", "0", "2"][..]),
    );
    let others = (
        select(
            &["r.p_via_r.t", "zr.name", "u", "ms:each", "@collection.q.tags:length", "r.name", "mr.id"][..],
        ),
        select(
            &["@request.auth.j", "@request.auth.ms:each", "@request.body.mr.name", "@request.auth.b", "t"][..],
        ),
    );
    let signs = select(&["=", "!=", "?=", "?=", "?=", "?=", "?!=", "~", "?~", "?>", "?<=", "!~"][..]);
    let sides = prop_oneof![4 => texts, 4 => ids, 2 => numbers, 1 => others];
    let test = (sides, signs, any::<bool>()).prop_map(|((far, near), sign, turn)| {
        if turn { format!("{near} {sign} {far}") } else { format!("{far} {sign} {near}") }
    });
    let test = prop_oneof![12 => test, 1 => expression()];
    test.prop_recursive(2, 5, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>())
            .prop_map(|(items, and)| format!("({})", items.join(if and { " && " } else { " || " })))
    })
}

/// Requests of people who often have in common with records what rules compare.
fn requests() -> impl Strategy<Value = Vec<Json>> {
    let known = (
        select(&["a", "Alpha", "x", "2.5", ""][..]),
        select(&[0.0, 1.0, 2.5, 5.0][..]),
        select(&["q1", "q2", "q4", ""][..]),
    );
    let request = (row(), known, 0..3).prop_map(|(mut row, (text, number, id), own)| {
        for (name, value) in [("t", json!(text)), ("n", json!(number)), ("r", json!(id))] {
            row[name] = value;
        }
        row["id"] = json!(format!("p{own}"));
        row
    });
    prop::collection::vec(request, 2..7)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn residuals_asked_together_say_what_each_says_alone(
        text in related(),
        rows in prop::collection::vec(row(), 1..4),
        requests in requests(),
    ) {
        agree(&text, &rows, &requests)?;
    }

    #[test]
    fn so_do_those_of_any_expression(
        text in expression(),
        rows in prop::collection::vec(row(), 1..3),
        requests in prop::collection::vec(row(), 2..5),
    ) {
        agree(&text, &rows, &requests)?;
    }

    /// Two records that have in common what is read have the same answer, whatever else becomes of them; and so it stays
    /// if collections change that are not read.
    #[test]
    fn an_answer_depends_on_nothing_else(
        text in prop_oneof![related(), expression()],
        (one, other) in (row(), row()),
        taken in any::<u32>(),
        request in row(),
    ) {
        let mut mixed = one.clone();
        for (index, (name, value)) in other.as_object().unwrap().iter().enumerate() {
            if taken >> (index % 32) & 1 == 1 {
                mixed[name] = value.clone();
            }
        }
        let world = world(&[one, mixed]);
        for residual in bound(&world, &text, &[request]) {
            let reads = residual.reads();
            let [first, second] = [0, 1].map(|index| world.records["p"][index].clone());
            let bytes = [&first, &second].map(|image| {
                let mut bytes = Vec::new();
                assert!(reads.write_image(image, &mut bytes));
                bytes
            });
            let before = [&first, &second].map(|image| alone(&world, &residual, image));
            if bytes[0] == bytes[1] {
                prop_assert_eq!(&before[0], &before[1], "{}: {:?}, {:?}", text, first.values, second.values);
            }
            let others: Vec<&str> = reads.others().map(|(_, id)| id).collect();
            for name in ["p", "q"].into_iter().filter(|name| !others.contains(name)) {
                let sql = format!("DELETE FROM \"{name}\"");
                world.run(&Statement { sql, params: Vec::new() }).unwrap();
            }
            let after = [&first, &second].map(|image| alone(&world, &residual, image));
            prop_assert_eq!(before, after, "{} reads {:?}", text, others);
        }
    }
}

/// Rules of many users are one statement each, and the rows that they join are looked at once.
#[test]
fn rules_of_many_users_are_few_statements() {
    const USERS: usize = 300;
    let texts = ["", "a", "b"].map(|t| json!({"t": t, "r": "q1", "mr": ["q1", "q2"], "ms": ["a"]}));
    let world = world(&texts);
    let request = |number: usize| {
        let name = [format!("t{number}"), "a".to_owned(), "Alpha".to_owned()][number % 3].clone();
        json!({"id": format!("u{number}"), "t": name, "n": (number % 7) as f64 + 0.5})
    };
    let requests: Vec<Json> = (0..USERS).map(request).collect();
    let image = world.records["p"][0].clone();
    for (text, statements, is_searched) in [
        ("r.name ?= @request.auth.t", 1, true),
        ("mr.name ?= @request.auth.t", 1, true),
        ("mr.name ?= @request.body.t && q_via_of.w ?> @request.body.n", 1, true),
        ("q_via_of.w ?> @request.body.n && mr.name ?= @request.auth.t", 1, true),
        ("q_via_of.w ?> @request.body.n || mr.name ?= @request.auth.t && r.w ?< @request.body.n", 1, true),
        ("t = '' && (id = @request.auth.t || mr.name ?= @request.auth.t)", 1, true),
        ("@collection.q.name ?= @request.auth.t && @collection.q.w ?>= n", 1, true),
        ("mr.name ?= @request.auth.t || r.p_via_r.t ?= @request.auth.t", 1, true),
        ("mr.name ?!= @request.auth.t", 1, false),
        ("mr.w ?< @request.body.n", 1, false),
        ("q_via_of.name = @request.auth.t || r.name = @request.auth.t", 1, true),
        // the same for all
        ("mr.name ?= 'a' && @request.auth.t != ''", 1, false),
        ("t != @request.auth.t", 0, false),
    ] {
        let residuals = bound(&world, text, &requests);
        assert_eq!(residuals.len(), USERS, "{text}");
        let (answers, count) = together(&world, &residuals, &image);
        let expected: Vec<_> = residuals.iter().map(|residual| alone(&world, residual, &image)).collect();
        assert!(expected.contains(&Ok(true)), "{text}: {expected:?}");
        assert_eq!(answers, expected, "{text}");
        assert_eq!(count, statements, "{text}");
        let Panel { choices, .. } = Panel::new(&residuals.iter().collect::<Vec<_>>(), &image, NOW, &OfImage);
        let searches = |sql: &str| sql.contains(" = asked.t");
        let searched = choices.iter().any(|choice| searches(&choice.statement.sql));
        assert_eq!(
            searched,
            is_searched,
            "{text}: {:?}",
            choices.first().map(|choice| &choice.statement.sql)
        );
    }
}
