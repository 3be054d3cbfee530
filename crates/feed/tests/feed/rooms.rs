use crate::gathering::{Hall, wish};
use crate::world::options;
use std::time::Duration;
use tidewire_feed::{Ending, Options, RoomLimits};

/// Steps: "1 create r u/U" and its outcome, "1 say text", "1 drop", "rooms t" and the rooms. At the end each connection
/// has heard what it should.
async fn check(limits: RoomLimits, steps: &[(&str, &str)], heard: &[(usize, &[&str])]) {
    let mut hall = Hall::new(limits);
    for (step, expected) in steps {
        let (number, rest) = step.split_once(' ').unwrap();
        let outcome = match (number, rest) {
            ("rooms", tenant) => hall.rooms(tenant).await.join(", "),
            (number, "drop") => {
                hall.drop(number.parse().unwrap()).await;
                "ok".to_owned()
            }
            (number, rest) => match rest.strip_prefix("say ") {
                Some(text) => {
                    hall.say(number.parse().unwrap(), text).await;
                    "ok".to_owned()
                }
                None => hall.enter(number.parse().unwrap(), wish(rest)).await,
            },
        };
        assert_eq!(outcome, *expected, "{step} of {steps:?}");
    }
    for (number, expected) in heard {
        assert_eq!(hall.heard(*number).await, *expected, "{number} after {steps:?}");
    }
}

fn limits() -> RoomLimits {
    RoomLimits::default()
}

#[tokio::test]
async fn members_hear_each_other_and_who_comes_and_goes() {
    check(
        limits(),
        &[
            ("1 create r u/U", "ok"),
            ("1 say alone", "ok"),
            ("2 join r v/V", "ok"),
            ("2 say hello", "ok"),
            ("3 create r w/W", "ok"),
            ("rooms t", "r R u: u/U v/V w/W"),
            ("2 drop", "ok"),
            ("rooms t", "r R u: u/U w/W"),
            ("1 say bye", "ok"),
        ],
        &[
            (
                1,
                &[
                    "welcome r \"R\" 1 u",
                    "r u/U: alone",
                    "came r 2 v/V",
                    "r v/V: hello",
                    "came r 3 w/W",
                    "gone r 2 v/V",
                    "r u/U: bye",
                ],
            ),
            (3, &["welcome r \"R\" 3 w", "gone r 2 v/V", "r u/U: bye"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn connections_of_one_user_count_once() {
    check(
        limits(),
        &[
            ("1 create r u/U", "ok"),
            ("2 join r v/V", "ok"),
            ("3 join r v/New", "ok"),
            ("rooms t", "r R u: u/U v/New"),
            ("2 say older name", "ok"),
            ("2 drop", "ok"),
            ("rooms t", "r R u: u/U v/New"),
            ("3 say still here", "ok"),
            ("3 drop", "ok"),
            ("rooms t", "r R u: u/U"),
        ],
        &[(
            1,
            &[
                "welcome r \"R\" 1 u",
                "came r 2 v/V",
                "r v/V: older name",
                "r v/New: still here",
                "gone r 1 v/New",
            ],
        )],
    )
    .await;
}

#[tokio::test]
async fn a_room_ends_with_its_last_member() {
    let grace = RoomLimits { grace: Duration::from_secs(3600), ..limits() };
    let steps = |outcome| {
        [
            ("1 join r u/U", "Missing"),
            ("1 create r u/U", "ok"),
            ("1 drop", "ok"),
            ("rooms t", ""),
            ("2 join r v/V", outcome),
        ]
    };
    check(limits(), &steps("Missing"), &[(2, &[])]).await;
    check(grace, &steps("ok"), &[(2, &["welcome r \"R\" 1 v"])]).await;
}

#[tokio::test]
async fn a_grace_that_is_over_ends_the_room() {
    let mut hall = Hall::new(RoomLimits { grace: Duration::from_nanos(1), ..limits() });
    assert_eq!(hall.enter(1, wish("create r u/U")).await, "ok");
    hall.drop(1).await;
    assert_eq!(hall.enter(2, wish("join r v/V")).await, "Missing");
    assert_eq!(hall.world.feed.stats().rooms, 0);
}

#[tokio::test]
async fn who_is_refused_changes_nothing() {
    check(
        RoomLimits { rooms: 2, members: 2, ..limits() },
        &[
            ("1 create r u/U", "ok"),
            ("2 other: join r u/X", "Foreign"),
            ("2 other: create r u/X", "Foreign"),
            ("2 drop", "ok"),
            ("1 create s u/X", "Seated"),
            ("3 join r v/V", "ok"),
            ("4 join r u/Y", "Full"),
            ("4 drop", "ok"),
            ("5 create s w/W", "ok"),
            ("6 create q w/W", "TooMany"),
            ("6 say nobody", "ok"),
            ("6 other: create q w/W", "ok"),
            ("rooms t", "r R u: u/U v/V, s S w: w/W"),
            ("rooms other", "q Q w: w/W"),
        ],
        &[(1, &["welcome r \"R\" 1 u", "came r 2 v/V"]), (5, &["welcome s \"S\" 1 w"])],
    )
    .await;
}

#[tokio::test]
async fn name_spaces_and_broadcast_are_apart() {
    check(
        RoomLimits { rooms: 1, ..limits() },
        &[
            ("1 own a: create r u/U", "ok"),
            ("2 own b: create r u/U", "ok"),
            ("3 create r u/U", "ok"),
            ("4 broadcast x/X", "ok"),
            ("5 broadcast y/Y", "ok"),
            ("6 other: broadcast z/Z", "ok"),
            ("1 say one", "ok"),
            ("3 say three", "ok"),
            ("4 say all", "ok"),
            ("rooms a", "r R u: u/U"),
            ("rooms t", "r R u: u/U"),
        ],
        &[
            (2, &["welcome r \"R\" 1 u"]),
            (3, &["welcome r \"R\" 1 u", "r u/U: three"]),
            (5, &["welcome t \"\" 2 y", "t x/X: all"]),
            (6, &["welcome other \"\" 1 z"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_message_that_cannot_be_encoded_is_lost_alone() {
    check(
        RoomLimits { history: 10, ..limits() },
        &[("1 create r u/U", "ok"), ("1 say panic", "ok"), ("1 say fine", "ok")],
        &[(1, &["welcome r \"R\" 1 u", "r u/U: fine"])],
    )
    .await;
}

fn position(frame: &str) -> &str {
    frame.split_once('@').unwrap().1
}

fn texts(frames: &[String]) -> Vec<&str> {
    frames.iter().map(|frame| frame.split_once('@').map_or(frame.as_str(), |(text, _)| text)).collect()
}

#[tokio::test]
async fn who_comes_back_hears_what_was_said_meanwhile() {
    let mut hall = Hall::new(RoomLimits { history: 2, ..limits() });
    hall.enter(1, wish("create r u/U")).await;
    hall.enter(2, wish("since x r v/V")).await;
    hall.say(1, "one").await;
    let heard = hall.heard(2).await;
    assert_eq!(texts(&heard), ["welcome r \"R\" 2 v Err(InvalidCursor)", "r u/U: one"]);
    hall.drop(2).await;
    hall.say(1, "two").await;
    hall.say(1, "three").await;
    let one = position(&heard[1]);
    hall.enter(3, wish(&format!("since {one} r v/V"))).await;
    hall.say(1, "four").await;
    let again = hall.heard(3).await;
    let expected = ["welcome r \"R\" 2 v Ok(())", "r u/U: two", "r u/U: three", "r u/U: four"];
    assert_eq!(texts(&again), expected);
    assert!(again[2].ends_with(position(&again[0])), "a welcome names the last message: {again:?}");
    hall.enter(4, wish(&format!("since {one} r w/W"))).await;
    assert_eq!(texts(&hall.heard(4).await), ["welcome r \"R\" 3 w Err(Retention)"]);
}

#[tokio::test]
async fn positions_of_another_life_are_refused() {
    let mut hall = Hall::new(RoomLimits { history: 2, ..limits() });
    hall.enter(1, wish("create r u/U")).await;
    hall.enter(2, wish("since x r v/V")).await;
    let welcome = hall.heard(2).await.remove(0);
    hall.drop(1).await;
    hall.drop(2).await;
    hall.enter(3, wish("create r u/U")).await;
    hall.enter(4, wish(&format!("since {} r v/V", position(&welcome)))).await;
    assert_eq!(texts(&hall.heard(4).await), ["welcome r \"R\" 2 v Err(EpochChanged)"]);
}

#[tokio::test]
async fn who_does_not_read_is_closed_and_gone_for_the_others() {
    let mut hall = Hall::with(Options { outbox_bytes: 1000, ..options() });
    hall.enter(1, wish("create r u/U")).await;
    hall.enter(2, wish("join r v/V")).await;
    hall.heard(1).await;
    let mut said = Vec::new();
    let long = "x".repeat(100);
    while hall.connection(2).ending() != Some(Ending::Overflow) {
        hall.say(1, &long).await;
        said.extend(hall.heard(1).await);
        assert!(said.len() < 100, "nothing is bounded");
    }
    assert!(said.len() >= 10, "closed too early: {}", said.len());
    assert_eq!(said.pop().unwrap(), "gone r 1 v/V");
    assert!(said.iter().all(|frame| *frame == format!("r u/U: {long}")));
    assert_eq!(hall.heard(2).await, [""; 0]);
    assert_eq!(hall.rooms("t").await, ["r R u: u/U"]);
}
