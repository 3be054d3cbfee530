//! What a change costs between its announcement and the outboxes: matching, encoding, pushing, without sockets.
//!
//! `cargo bench -p tidewire-server` times the rows. `./bench --instructions` counts their instructions, which differ
//! little between runs: one row is done a given number of times by `hot_path --row NAME --times N`.

mod encode;
mod fan_out;
mod world;

/// A row by its name, with what one turn does.
struct Row {
    name: &'static str,
    /// prepares, and returns what is done again and again
    start: fn() -> Box<dyn FnMut()>,
}

const ROWS: &[Row] = &[
    Row { name: "match 10 of 10 filters", start: || fan_out::matching(0) },
    Row { name: "match 10 of 100 010 filters", start: || fan_out::matching(100_000) },
    Row { name: "match 10 of 1 000 010 filters", start: || fan_out::matching(1_000_000) },
    Row { name: "judge 100 filters without an index", start: || fan_out::judging(100) },
    Row { name: "push to 1000 of one class", start: || fan_out::pushing(1000) },
    Row { name: "push to 1000 of 1000 classes", start: || fan_out::sharing(1000) },
    Row { name: "encode for PocketBase", start: encode::pocketbase },
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--row") {
        Some(at) => run(&arguments[at + 1], &arguments[at + 3]),
        None if arguments.iter().any(|argument| argument == "--rows") => {
            ROWS.iter().for_each(|row| println!("{}", row.name));
        }
        None => divan::main(),
    }
}

fn run(name: &str, times: &str) {
    let row = ROWS.iter().find(|row| row.name == name).expect("a row of this name");
    let mut turn = (row.start)();
    for _ in 0..times.parse::<u64>().expect("a number") {
        turn();
    }
}

#[divan::bench(args = ROWS.iter().map(|row| row.name))]
fn hot_path(bencher: divan::Bencher<'_, '_>, name: &str) {
    let row = ROWS.iter().find(|row| row.name == name).expect("a row of this name");
    let mut turn = (row.start)();
    bencher.bench_local(&mut turn);
}
