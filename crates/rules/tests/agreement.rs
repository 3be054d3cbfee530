//! One expression, two meanings: what is evaluated in memory must be what SQLite says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Identity, Principal};
use tidewire_rules::{Audience, Expr, Facts, Limits, Rule, Sort, Truth};
use world::generate::*;

/// What the expression says of each record, in memory and by SQL.
fn agree(text: &str, rows: &[Json], body: &Json, signed_in: bool) -> Result<(), TestCaseError> {
    let world = world(rows);
    let collection = world.collection("p");
    let expr =
        Expr::parse(text, Limits::default()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let Ok(rule) = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule) else {
        return Ok(());
    };
    let record = world.records["p"][0].clone();
    let identity = Identity { record, superuser: false, tenant: world.tenant.clone(), expires_at: None };
    let principal = if signed_in { Principal::Known(Arc::new(identity)) } else { Principal::Guest };
    let body = body.as_object().unwrap().clone();
    let residual = rule.bind(&Facts { principal, body, ..Facts::default() });
    let ids = world.ids("p", &residual, &Sort::default(), NOW).map_err(TestCaseError::fail)?;
    for record in world.records["p"].iter().filter(|record| record.tenant == world.tenant) {
        let truth = residual.eval(record, NOW);
        let expected = if ids.iter().any(|id| id == record.id()) { Truth::Yes } else { Truth::No };
        prop_assert!(
            truth == expected || (truth == Truth::Ask && !residual.is_local()),
            "{text}: {truth:?} in memory, {expected:?} by SQL, of {:?}",
            record.values
        );
        if let (Truth::Yes, Some(equality)) = (expected, residual.equality()) {
            let mut found = false;
            equality.field.each_value(record, &mut |value| found |= equality.values.contains(value));
            prop_assert!(found, "{text}: {equality:?} is not in {:?}", record.values);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sql_agree(
        text in expression(),
        rows in prop::collection::vec(row(), 1..4),
        body in row(),
        signed_in in any::<bool>(),
    ) {
        agree(&text, &rows, &body, signed_in)?;
    }

    /// One row and one comparison at a time, to look closer at values.
    #[test]
    fn single_comparisons_agree(left in term(), sign in select(&["=", "!=", "<", ">=", "~", "?!~"][..]), right in term(), row in row()) {
        agree(&format!("{left} {sign} {right}"), &[row], &json!({}), true)?;
    }
}

fn date() -> impl Strategy<Value = String> {
    let day = (0i32..=9999, 0u32..=13, 0u32..=32);
    let time = (0u32..=24, 0u32..=60, 0u32..=60, 0u32..=1000);
    let end = select(&["", "Z", "z ", "+02:00", "-11:30", "+15:00", "x"][..]);
    let shape = 0..6;
    (day, time, end, shape).prop_map(|((year, month, day), (hour, minute, second, milli), end, shape)| {
        match shape {
            0 => format!("{year:04}-{month:02}-{day:02}"),
            1 => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"),
            2 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{end}"),
            3 => format!("{hour:02}:{minute:02}:{second:02}{end}"),
            4 => format!("{}", f64::from(year) * 600.0 + f64::from(milli) / 1000.0),
            _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}{end}"),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn times_are_written_as_sqlite_writes_them(
        format in select(&FORMATS[..]),
        time in date(),
        modifiers in prop::collection::vec(select(&MODIFIERS[..]), 0..3),
    ) {
        let mut arguments = vec![format!("'{format}'"), quoted(&time)];
        arguments.extend(modifiers.iter().map(|modifier| format!("'{modifier}'")));
        let call = format!("strftime({})", arguments.join(","));
        let world = world(&[]);
        let sql = format!("SELECT COALESCE({call}, '')");
        let expected: String = world.connection.query_row(&sql, (), |row| row.get(0)).unwrap();
        let expr = Expr::parse(&format!("{call} = '{expected}'"), Limits::default()).unwrap();
        let collection = world.collection("p");
        let rule = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule).unwrap();
        let record = world::record(&collection, &world.tenant, &json!({}));
        let truth = rule.bind(&Facts::default()).eval(&record, NOW);
        prop_assert_eq!(truth, Truth::Yes, "{} is {:?}", call, expected);
    }

    /// What binding folds must be what SQLite would have said.
    #[test]
    fn constants_are_folded_as_sqlite_compares_them(
        left in prop_oneof![text().prop_map(Json::String), number().prop_map(|number| json!(number))],
        sign in select(&["=", "<", "<=", ">", ">="][..]),
        right in prop_oneof![text().prop_map(Json::String), number().prop_map(|number| json!(number))],
    ) {
        let world = world(&[]);
        let write = |json: &Json| json.as_str().map_or_else(|| json.as_f64().unwrap().to_string(), quoted);
        let bound = |json: &Json| match json {
            Json::String(text) => rusqlite::types::Value::Text(text.clone()),
            number => rusqlite::types::Value::Real(number.as_f64().unwrap()),
        };
        let sql = format!("SELECT ?1 {sign} ?2");
        let expected: bool =
            world.connection.query_row(&sql, [bound(&left), bound(&right)], |row| row.get(0)).unwrap();
        let text = format!("{} {sign} {}", write(&left), write(&right));
        let expr = Expr::parse(&text, Limits::default()).unwrap();
        let collection = world.collection("p");
        let rule = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule).unwrap();
        prop_assert_eq!(rule.bind(&Facts::default()).constant(), Some(expected), "{}", text);
    }

    /// From 1e-9 to 1e17; elsewhere SQLite's own seventeenth digit is not always the nearest.
    #[test]
    fn numbers_have_the_text_that_sqlite_gives_them(
        digits in any::<i64>(),
        short in -10_000_000i64..10_000_000,
        scale in -25i32..-2,
        small in -9i32..9,
    ) {
        for number in [digits as f64 * 10f64.powi(scale), short as f64 * 10f64.powi(small), short as f64 / 1000.0] {
            if !(1e-9..1e17).contains(&number.abs()) {
                continue;
            }
            let world = world(&[json!({"n": number})]);
            let read = "SELECT LOWER(n) FROM p WHERE id = 'p0'";
            let text: String = world.connection.query_row(read, (), |row| row.get(0)).unwrap();
            let expr = Expr::parse(&format!("n:lower = '{text}'"), Limits::default()).unwrap();
            let collection = world.collection("p");
            let rule = Rule::resolve(&expr, &world.catalog, &world.tenant, &collection, Audience::Rule).unwrap();
            let truth = rule.bind(&Facts::default()).eval(&world.records["p"][0], NOW);
            prop_assert_eq!(truth, Truth::Yes, "{} is written {}", number, text);
        }
    }
}
