//! What shells and manuals are told of the commands.

use crate::{Failure, Output, Surroundings};
use clap::Command;
use clap_complete::Shell;
use std::fs;
use std::path::Path;

/// Prints the completions of one shell.
pub fn completions(mut command: Command, shell: Shell, surroundings: Surroundings) -> Result<(), Failure> {
    let mut text = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut text);
    Output::new(surroundings).text(&String::from_utf8_lossy(&text))
}

/// Writes a page for each command into a folder, or prints the first one.
pub fn man(mut command: Command, folder: Option<&Path>, surroundings: Surroundings) -> Result<(), Failure> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        return Output::new(surroundings).text(&String::from_utf8_lossy(&page));
    };
    command.build();
    let fault = |error| Failure::Failed(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(fault)?;
    clap_mangen::generate_to(command, folder).map_err(fault)
}
