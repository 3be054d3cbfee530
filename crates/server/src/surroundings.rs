//! What the client commands find in the environment.

use crate::config::variable;
use std::path::PathBuf;
use tidewire_terminal::Surroundings;

pub fn read() -> Surroundings {
    let dumb = variable("TERM").is_some_and(|terminal| terminal == "dumb");
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Surroundings {
        plain: variable("NO_COLOR").is_some() || dumb,
        config: folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config"))),
        password: variable("TIDEWIRE_PASSWORD"),
    }
}
