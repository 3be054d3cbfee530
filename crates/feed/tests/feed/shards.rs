//! The same story with one shard and with several: each connection hears the same, in the same order.

use crate::gathering::wish;
use crate::world::*;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidewire_feed::Options;
use tidewire_model::{Principal, Seq};

const CLIENTS: usize = 14;
const STEPS: usize = 400;
const OWNERS: [&str; 3] = ["u0", "u1", "u2"];

/// What a story is made of; the same for the same seed.
struct Story {
    random: StdRng,
    world: World,
    clients: Vec<(Client, Vec<String>)>,
}

impl Story {
    fn begin(seed: u64, shards: usize) -> Self {
        let options = Options { shards, much: 1, ..options() };
        let (random, world) = (StdRng::seed_from_u64(seed), World::new(options));
        for owner in OWNERS {
            world.commit(&[user(&format!("{owner} tokenKey=k{owner}"))]);
        }
        Self { random, world, clients: Vec::new() }
    }

    fn pick(&mut self, below: usize) -> usize {
        self.random.random_range(0..below)
    }

    /// Some share all with others, some the frame, some nothing.
    fn listen(&mut self) -> Listen {
        let number = self.pick(6);
        let (name, rule) = match self.pick(7) {
            0 => ("all".to_owned(), String::new()),
            1 => ("mine".to_owned(), "owner = @request.auth.id".to_owned()),
            2 => ("some".to_owned(), format!("n != {number}")),
            3 => ("few".to_owned(), format!("n = {number} || owner = 'u1'")),
            4 => (format!("own{}", self.clients.len()), format!("n >= {number}")),
            5 => ("asked".to_owned(), "author.role = 'x'".to_owned()),
            _ => return Listen::message("news"),
        };
        let slow = if name == "few" { Slow::Store } else { Slow::No };
        Listen { leave: number > 2, slow, ..Listen::to(&name, &rule) }
    }

    async fn come(&mut self) {
        let client = self.world.connect();
        client.set(Principal::Guest, Vec::new()).await;
        self.clients.push((client, Vec::new()));
        let last = self.clients.len() - 1;
        self.set(last).await;
        if self.pick(2) == 0 {
            let join = wish(&format!("broadcast v{last}/V"));
            self.clients[last].0.connection.join(join).await.unwrap();
        }
    }

    async fn set(&mut self, index: usize) {
        self.hear(index).await;
        let owner = OWNERS[self.pick(3)];
        let principal = if self.pick(3) > 0 { self.world.signed_in(owner) } else { Principal::Guest };
        let mut wanted = Vec::new();
        for _ in 0..self.pick(4) {
            let listen = self.listen();
            let back = self.pick(30) as Seq;
            let after = self.world.announced().saturating_sub(back);
            let resumes = self.pick(3) == 0 && !listen.message;
            wanted.push(if resumes { listen.after(after, &["preface"]) } else { listen.now() });
        }
        self.clients[index].0.set(principal, wanted).await;
        self.hear(index).await;
    }

    async fn hear(&mut self, index: usize) {
        let (client, heard) = &mut self.clients[index];
        heard.extend(client.read_to_end(&self.world).await);
    }

    fn commit(&mut self) {
        let writes: Vec<Write> = (0..self.pick(4) + 1)
            .map(|_| {
                let (id, owner, n) = (self.pick(9), OWNERS[self.pick(3)], self.pick(6));
                let author = ["good", "bad"][self.pick(2)];
                post(&format!("r{id} owner={owner} n={n} author={author}"))
            })
            .collect();
        self.world.commit(&writes);
    }

    async fn step(&mut self) {
        if self.clients.len() < CLIENTS {
            return self.come().await;
        }
        let index = self.pick(CLIENTS);
        match self.pick(20) {
            0..12 => self.commit(),
            12 => self.world.commit_around(&[post("r1 n=1")], "news", &[post("r2 n=2")]),
            13 => drop(self.world.commit(&[user(&format!("{} role=r{index}", OWNERS[index % 3]))])),
            14 => self.world.publish("news", &index.to_string()).await,
            15 | 16 => self.clients[index].0.connection.say(Bytes::from(format!("s{index}"))).await,
            17 => self.hear(index).await,
            18 => self.set(index).await,
            _ => {
                self.clients.remove(index);
                // those who are in its room hear of it now and not later
                self.world.sync().await;
            }
        }
    }

    /// What everybody has heard.
    async fn tell(mut self) -> Vec<Vec<String>> {
        for _ in 0..STEPS {
            self.step().await;
        }
        for index in 0..self.clients.len() {
            self.hear(index).await;
        }
        self.clients.into_iter().map(|(_, heard)| in_order(heard)).collect()
    }
}

/// Lines with those of one change in the order of the alphabet: it is not said which of a connection's subscriptions
/// hears of a change first.
fn in_order(mut heard: Vec<String>) -> Vec<String> {
    let seq = |line: &String| line.split(' ').next().and_then(|word| word.parse::<Seq>().ok());
    heard.chunk_by_mut(|one, next| seq(one).is_some() && seq(one) == seq(next)).for_each(<[String]>::sort);
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_shards_each_connection_hears_the_same() {
    for seed in [rand::random(), 1, 2] {
        println!("seed {seed}");
        let heard = Story::begin(seed, 1).tell().await;
        assert!(heard.iter().map(Vec::len).sum::<usize>() > STEPS, "seed {seed}: a story needs an audience");
        for shards in [2, 3, 4, 9] {
            let others = Story::begin(seed, shards).tell().await;
            assert_eq!(others.len(), heard.len());
            for (index, (other, one)) in others.iter().zip(&heard).enumerate() {
                let differs = other.iter().zip(one).find(|(other, one)| other != one);
                assert_eq!(differs, None, "seed {seed}: client {index} with {shards} shards");
                assert_eq!(other.len(), one.len(), "seed {seed}: client {index} with {shards} shards");
            }
        }
    }
}

/// Clients of one class, of classes that share their frames, and of one that is alone.
#[tokio::test]
async fn a_frame_is_made_once_for_all_shards() {
    let world = World::new(Options { shards: 4, much: 1, ..options() });
    let (shared, alone) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut clients = Vec::new();
    for number in 0..24 {
        let rule = format!("n != {}", number % 3);
        let own = Listen { made: alone.clone(), ..Listen::to("own", "n != 7") };
        let listen = Listen { made: shared.clone(), ..Listen::to("l", &rule) };
        let wanted = if number % 4 == 0 { vec![listen.now(), own.now()] } else { vec![listen.now()] };
        let client = world.connect();
        client.set(Principal::Guest, wanted).await;
        clients.push(client);
    }
    assert_eq!(world.feed.stats().classes, 3 + 1 + 24, "each client listens to its own end as well");
    for n in 4..9 {
        world.commit(&[post(&format!("r{n} n={n}"))]);
    }
    world.sync().await;
    assert_eq!(
        (shared.load(Relaxed), alone.load(Relaxed)),
        (5, 4),
        "one, n = 7, concerns nobody but three classes"
    );
    assert_eq!(world.feed.stats().deliveries, 24 * 5 + 6 * 4);
}

#[tokio::test]
async fn a_reader_that_is_full_is_served_from_the_log_whatever_its_shard() {
    let world = World::new(Options { outbox_bytes: 200, shards: 4, much: 1, ..options() });
    let mut clients = Vec::new();
    for _ in 0..8 {
        let client = world.connect();
        client.set(Principal::Guest, vec![Listen { length: 50, ..Listen::to("l", "") }.now()]).await;
        clients.push(client);
    }
    let lines: Vec<String> = (1..=40).map(|seq| format!("{seq} l create r{seq}")).collect();
    for seq in 1..=40 {
        world.commit(&[post(&format!("r{seq}"))]);
    }
    world.sync().await;
    assert_eq!(world.feed.stats().overflows, 8, "each once");
    for client in &clients {
        assert_eq!(client.read_lines(40).await, lines);
    }
}
