//! The feed with a fake log, lookup and encoder: who is told what, in which order, without gap or overlap.

#![allow(clippy::unwrap_used)]

mod answers;
mod catch_up;
mod definitions;
mod delivery;
mod gathering;
mod identity;
mod input;
mod kept;
mod race;
mod random;
mod rooms;
mod rooms_random;
mod shards;
mod slow_lane;
mod storm;
mod world;
