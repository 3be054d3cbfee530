//! Requests in order on one server, each with the answer that it must get.

use crate::world::{World, cases};

const SETUP: &str = include_str!("scenarios/setup.json");

async fn check(scenario: &str) {
    let mut world = World::new().await;
    let mut faults = Vec::new();
    for case in cases(SETUP).into_iter().chain(cases(scenario)) {
        let found = world.check(&case).await;
        if !found.is_empty() {
            let sent = format!("{} as {:?} {:?}", case.request, case.who, case.body);
            faults.push(format!("{sent}\n    {}", found.join("\n    ")));
        }
    }
    assert!(faults.is_empty(), "{} wrong answers\n{}", faults.len(), faults.join("\n"));
}

macro_rules! scenarios {
    ($($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            check(include_str!(concat!("scenarios/", stringify!($name), ".json"))).await;
        }
    )*};
}

scenarios! {
    aggregate batch collections computed dialects errors fields isolation lists masks records references rules secrets times
}
