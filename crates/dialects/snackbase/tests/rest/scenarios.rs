//! Requests in order on one server, each with the answer that it must get. Those marked `ours` answer otherwise than
//! SnackBase, or where nobody has looked.

use crate::world::{SETUP, World, cases};
use tidewire_auth::Attempts;

async fn check(scenario: &str) {
    let mut world = World::new(Attempts::new(None)).await;
    let mut faults = Vec::new();
    for case in cases(SETUP).into_iter().chain(cases(scenario)) {
        let found = world.check(&case).await;
        if !found.is_empty() {
            let whose = if case.ours { "ours" } else { "SnackBase's" };
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

scenarios! { accounts api_keys auth bodies groups http invitations roles users }
