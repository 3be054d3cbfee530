use crate::world::{World, hear, quick, short};
use serde_json::{Value as Json, json};

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_project_hear_each_other_and_nobody_else() {
    let world = World::start().await;
    let mut ann = world.near.broadcast::<Json>().user("ann", "Ann").await.unwrap();
    let mut nobody = world.near.broadcast::<Json>().await.unwrap();
    assert_eq!((ann.user(), nobody.user(), ann.title()), ("ann", "anonymous", ""));
    let other = world.another_project().await;
    let mut stranger = other.broadcast::<Json>().user("zoe", "Zoe").await.unwrap();
    ann.say(&json!({ "a": 1 })).await.unwrap();
    nobody.say("two").await.unwrap();
    stranger.say("elsewhere").await.unwrap();
    for room in [&mut ann, &mut nobody] {
        let mut heard = hear(room, 2).await;
        heard.sort();
        assert_eq!(heard, [r#"ann: {"a":1}"#, r#"anonymous: "two""#]);
    }
    assert_eq!(hear(&mut stranger, 1).await, [r#"zoe: "elsewhere""#]);
    assert_eq!(ann.members().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_follows_once() {
    let world = World::with_history(100).await;
    let mut far = quick(world.far.broadcast::<Json>().user("far", "Far")).await.unwrap();
    let near = world.near.broadcast::<Json>().user("near", "Near").await.unwrap();
    near.say(&1).await.unwrap();
    assert_eq!(short(&far.next().await.unwrap()), "near: 1");
    world.cut(&far).await;
    near.say(&2).await.unwrap();
    world.mend();
    assert_eq!(hear(&mut far, 2).await, ["resumed 0", "near: 2"]);
    near.say(&3).await.unwrap();
    assert_eq!(hear(&mut far, 1).await, ["near: 3"]);
}
