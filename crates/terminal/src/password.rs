use crate::{Failure, Surroundings};
use std::io::{self, BufRead as _, IsTerminal as _};

/// A password: from stdin if told so, else from the environment, else asked for without showing it.
pub fn ask(surroundings: &Surroundings, identity: &str, stdin: bool) -> Result<String, Failure> {
    if stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return given(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if let Some(password) = &surroundings.password {
        return given(password.clone());
    }
    if !io::stdin().is_terminal() {
        let text =
            format!("a password for {identity:?} is needed: set TIDEWIRE_PASSWORD, or use --password-stdin");
        return Err(Failure::Usage(text));
    }
    let asked = rpassword::prompt_password(format!("Password of {identity}: "));
    given(asked.map_err(|error| Failure::Failed(format!("cannot ask for the password: {error}")))?)
}

fn given(password: String) -> Result<String, Failure> {
    if password.is_empty() { Err(Failure::Usage("the password is empty".to_owned())) } else { Ok(password) }
}
