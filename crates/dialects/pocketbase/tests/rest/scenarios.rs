//! Requests in order on one server, each with the answer that it must get. All but those marked `ours` were seen on
//! PocketBase itself.

use crate::world::{SETUP, World, cases};

async fn check(scenario: &str) {
    let mut world = World::with(SETUP).await;
    world.sign_in("user", "users", "user@example.com", "password1").await;
    world.sign_in("other", "users", "other@example.com", "password1").await;
    let mut faults = Vec::new();
    for case in cases(scenario) {
        let found = world.check(&case).await;
        if !found.is_empty() {
            let whose = if case.ours { "ours" } else { "PocketBase's" };
            let sent = format!("{} as {:?} {:?}", case.request, case.who, case.body);
            faults.push(format!("{sent} ({whose})\n    {}", found.join("\n    ")));
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

scenarios! { auth batch bodies collections edges http list oauth2_definitions records settings }
