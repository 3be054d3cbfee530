use crate::records::RecordsTask;
use crate::token::TokenArgs;
use crate::watch::WatchArgs;

/// What this crate does by itself; the binary adds its own commands.
#[derive(Debug)]
pub enum Task {
    Watch(WatchArgs),
    Records(RecordsTask),
    Token(TokenArgs),
}
