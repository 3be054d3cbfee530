//! Requests in order on one server, each with the answer that it must get.

use crate::world::{World, cases};

async fn check(scenario: &str) {
    let mut world = World::new();
    let mut faults = Vec::new();
    for case in cases(scenario) {
        let found = world.check(&case).await;
        if !found.is_empty() {
            faults.push(format!(
                "{} with {:?} {:?}\n    {}",
                case.request,
                case.key,
                case.body,
                found.join("\n    ")
            ));
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

scenarios! { batch collections cors documents edges files isolation javascript keys lists python questions relations roles typed users }
