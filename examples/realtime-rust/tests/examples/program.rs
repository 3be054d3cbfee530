//! One of the programs as a process. Its lines are waited for.

use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// No line comes so late; without a bound a wrong line would be waited for until the tests are ended from outside.
const PATIENCE: Duration = Duration::from_secs(60);
/// in a line that is expected: any text
const ANY: char = '…';

pub struct Program {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub fn start(name: &str, words: &[String]) -> Self {
        // all of them are in one folder
        let path = Path::new(env!("CARGO_BIN_EXE_basic_usage")).with_file_name(name);
        let mut command = Command::new(path);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, lines }
    }

    async fn line(&mut self) -> Option<String> {
        timeout(PATIENCE, self.lines.next_line()).await.ok()?.unwrap()
    }

    /// The next line must be this one.
    pub async fn says(&mut self, expected: &str) {
        let line = self.line().await;
        assert!(
            line.as_deref().is_some_and(|line| matches(line, expected)),
            "it said {line:?}, not {expected:?}"
        );
    }

    /// Presses Enter.
    pub async fn enter(&mut self) {
        self.input.write_all(b"\n").await.unwrap();
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }

    /// It says nothing more, and ends with success.
    pub async fn ends(mut self) {
        assert_eq!(self.line().await, None);
        let ended = timeout(PATIENCE, self.child.wait()).await.expect("it goes on");
        assert!(ended.unwrap().success());
    }
}

fn matches(line: &str, expected: &str) -> bool {
    match expected.split_once(ANY) {
        None => line == expected,
        Some((start, end)) => {
            line.len() > start.len() + end.len() && line.starts_with(start) && line.ends_with(end)
        }
    }
}
