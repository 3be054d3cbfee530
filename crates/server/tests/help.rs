//! The help texts, as they were last looked at: `TIDEWIRE_UPDATE_HELP=1 cargo test -p tidewire-server --test help`
//! writes those that have changed.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use clap::{Command, CommandFactory as _};
use std::fs;
use std::path::Path;
use tidewire_server::cli::Cli;

/// The words of each command, e.g. `records import`.
fn commands(command: &Command, words: &[String], found: &mut Vec<Vec<String>>) {
    found.push(words.to_vec());
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        commands(inner, &[words, &[inner.get_name().to_owned()]].concat(), found);
    }
}

/// Of the program itself, without what its environment would add.
fn help(words: &[String]) -> String {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_tidewire"));
    let done = program.args(words).arg("--help").env_clear().output().unwrap();
    assert!(done.status.success(), "{words:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn help_texts_are_as_they_were_last_looked_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let update = std::env::var_os("TIDEWIRE_UPDATE_HELP").is_some();
    let mut all = Vec::new();
    commands(&Cli::command(), &[], &mut all);
    assert!(all.len() > 20, "{all:?}");
    let mut names = Vec::new();
    for words in &all {
        let name = format!("{}.txt", [&["tidewire".to_owned()], &**words].concat().join("-"));
        let (file, text) = (folder.join(&name), help(words));
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, kept, "{} has changed", file.display());
        names.push(name);
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "{name} is of a command that is not there");
    }
}
