//! Many connections come, speak and go at random; a simple model knows what each must have heard.

use crate::gathering::{Hall, wish};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::BTreeMap;
use tidewire_feed::RoomLimits;

#[derive(Default)]
struct Model {
    /// room: (connection, user), in the order in which they came
    rooms: BTreeMap<String, Vec<(usize, String)>>,
    /// what waits for each connection
    heard: BTreeMap<usize, Vec<String>>,
}

impl Model {
    fn users(&self, room: &str) -> usize {
        let mut users: Vec<&String> = self.rooms[room].iter().map(|(_, user)| user).collect();
        users.sort();
        users.dedup();
        users.len()
    }

    fn tell(&mut self, room: &str, but: usize, text: &str) {
        for (connection, _) in self.rooms[room].iter().filter(|(connection, _)| *connection != but) {
            self.heard.entry(*connection).or_default().push(text.to_owned());
        }
    }

    fn enter(&mut self, connection: usize, room: &str, user: &str) {
        let members = self.rooms.entry(room.to_owned()).or_default();
        let news = !members.iter().any(|(_, known)| known == user);
        members.push((connection, user.to_owned()));
        let count = self.users(room);
        let welcome = format!("welcome {room} {:?} {count} {user}", room.to_uppercase());
        self.heard.insert(connection, vec![welcome]);
        if news {
            self.tell(room, connection, &format!("came {room} {count} {user}/{user}"));
        }
    }

    fn room_of(&self, connection: usize) -> Option<(String, String)> {
        self.rooms.iter().find_map(|(room, members)| {
            let (_, user) = members.iter().find(|(known, _)| *known == connection)?;
            Some((room.clone(), user.clone()))
        })
    }

    fn leave(&mut self, connection: usize) {
        let Some((room, user)) = self.room_of(connection) else { return };
        let members = self.rooms.get_mut(&room).unwrap();
        members.retain(|(known, _)| *known != connection);
        self.heard.remove(&connection);
        if self.rooms[&room].is_empty() {
            self.rooms.remove(&room);
        } else if !self.rooms[&room].iter().any(|(_, known)| *known == user) {
            let count = self.users(&room);
            self.tell(&room, connection, &format!("gone {room} {count} {user}/{user}"));
        }
    }
}

async fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut hall, mut model) = (Hall::new(RoomLimits::default()), Model::default());
    let (mut next, mut open) = (0, Vec::new());
    for step in 0..300 {
        let pick = random.random_range(0..100);
        if pick < 35 || open.is_empty() {
            let (room, user) =
                (["p", "q", "r"][random.random_range(0..3)], ["u", "v", "w"][random.random_range(0..3)]);
            let verb = if random.random_bool(0.5) { "create" } else { "join" };
            let expected = verb == "create" || model.rooms.contains_key(room);
            let outcome = hall.enter(next, wish(&format!("{verb} {room} {user}/{user}"))).await;
            assert_eq!(outcome == "ok", expected, "seed {seed} step {step}: {outcome}");
            if expected {
                model.enter(next, room, user);
                open.push(next);
            } else {
                hall.drop(next).await;
            }
            next += 1;
        } else if pick < 55 {
            let connection = open.swap_remove(random.random_range(0..open.len()));
            model.leave(connection);
            hall.drop(connection).await;
        } else {
            let connection = open[random.random_range(0..open.len())];
            let (room, user) = model.room_of(connection).unwrap();
            hall.say(connection, &step.to_string()).await;
            model.tell(&room, usize::MAX, &format!("{room} {user}/{user}: {step}"));
        }
        if random.random_bool(0.1) {
            let connection = open.first().copied().unwrap_or_default();
            let expected = model.heard.get_mut(&connection).map(std::mem::take).unwrap_or_default();
            if open.contains(&connection) {
                assert_eq!(hall.heard(connection).await, expected, "seed {seed} step {step}");
            }
        }
    }
    for connection in open {
        assert_eq!(hall.heard(connection).await, model.heard[&connection], "seed {seed}, {connection}");
    }
    assert_eq!(hall.rooms("t").await.len(), model.rooms.len(), "seed {seed}");
}

#[tokio::test]
async fn nobody_is_lost_and_counts_are_true() {
    for seed in 0..20 {
        run(seed).await;
    }
}
