//! Turns of the feed: each announces [`TURN`] changes and takes what the outboxes got.

use crate::world::{TURN, World, drain};
use tidewire_feed::Connection;

/// Subscriptions of one connection of the crowd.
const EACH: u64 = 100;

/// Ten subscriptions match each change, beside a crowd of others that each want an owner of their own.
pub fn matching(crowd: u64) -> Box<dyn FnMut()> {
    let world = World::start();
    let owners = |from: u64| (from..from + EACH).map(|owner| format!("owner = 'o{owner}'"));
    let crowd = (0..crowd / EACH).map(|at| world.connect(owners(at * EACH))).collect();
    let hearing = (0..10).map(|_| world.connect(one("owner = 'me'"))).collect();
    turns(world, crowd, hearing, "me", 10)
}

/// Filters that no index finds: each is asked about each change, and none holds.
pub fn judging(count: u64) -> Box<dyn FnMut()> {
    let world = World::start();
    let crowd = (0..count).map(|at| world.connect(one(&format!("title ~ 'nothing {at}'")))).collect();
    turns(world, crowd, Vec::new(), "me", 0)
}

pub fn pushing(count: u64) -> Box<dyn FnMut()> {
    let world = World::start();
    let hearing = (0..count).map(|_| world.connect(one(""))).collect();
    turns(world, Vec::new(), hearing, "me", count)
}

/// Each has a rule of its own; what they are told is the same.
pub fn sharing(count: u64) -> Box<dyn FnMut()> {
    let world = World::start();
    let hearing = (0..count).map(|at| world.connect(one(&format!("title != 'nothing {at}'")))).collect();
    turns(world, Vec::new(), hearing, "me", count)
}

fn one(filter: &str) -> impl Iterator<Item = String> + use<> {
    std::iter::once(filter.to_owned())
}

/// The crowd hears nothing; `frames` come of each change.
fn turns(
    mut world: World,
    crowd: Vec<Connection>,
    hearing: Vec<Connection>,
    owner: &'static str,
    frames: u64,
) -> Box<dyn FnMut()> {
    let mut out = Vec::new();
    Box::new(move || {
        let _stay = &crowd;
        world.turn(owner);
        let taken: usize = hearing.iter().map(|connection| drain(connection, &mut out)).sum();
        assert_eq!(taken as u64, frames * TURN, "deliveries of a turn");
    })
}
