//! What the client commands find in the environment.

use std::env;
use std::path::PathBuf;
use tidewire_terminal::Surroundings;

pub fn read() -> Surroundings {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = env::var("TERM").is_ok_and(|terminal| terminal == "dumb");
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Surroundings {
        plain: is_set("NO_COLOR") || dumb,
        config: folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config"))),
        password: env::var("TIDEWIRE_PASSWORD").ok().filter(|password| !password.is_empty()),
    }
}
