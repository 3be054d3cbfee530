//! A file of `runs/`, line by line:
//!
//! - `$ PROGRAM WORD…` starts it; `URL` becomes the server's address
//! - `> ACT` is done on the server, or to the program: `enter`, `interrupt`; `ends` waits for its end
//! - `# …` is for readers
//! - any other line is the next that the program prints; `…` stands for any text

use crate::program::Program;
use crate::world::World;
use crate::{folder, names};
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn every_program_does_what_its_run_says() {
    for name in names(&folder().join("tests/runs"), "txt") {
        let text = fs::read_to_string(folder().join(format!("tests/runs/{name}.txt"))).unwrap();
        let mut run = Run { world: World::start().await, program: None };
        let mut lines = 0;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            // what is printed last tells where it failed
            println!("{name}.txt:{}: {line}", index + 1);
            run.step(&name, line).await;
            lines += usize::from(!line.starts_with(['$', '>', '#']));
        }
        assert!(lines > 0, "{name} prints nothing");
    }
}

struct Run {
    world: World,
    program: Option<Program>,
}

impl Run {
    async fn step(&mut self, name: &str, line: &str) {
        match line.split_once(' ') {
            Some(("#", _)) => {}
            Some(("$", words)) => {
                let mut words = words.split(' ').map(|word| word.replace("URL", &self.world.url()));
                assert_eq!(words.next().as_deref(), Some(name));
                self.program = Some(Program::start(name, &words.collect::<Vec<_>>()));
            }
            Some((">", act)) => self.act(act).await,
            _ => self.program().says(line).await,
        }
    }

    async fn act(&mut self, act: &str) {
        match act.split_once(' ').unwrap_or((act, "")) {
            ("enter", _) => self.program().enter().await,
            ("interrupt", _) => self.program().interrupt(),
            ("ends", _) => self.program.take().unwrap().ends().await,
            (verb, rest) => self.world.act(verb, rest).await,
        }
    }

    fn program(&mut self) -> &mut Program {
        self.program.as_mut().expect("a program was started")
    }
}
