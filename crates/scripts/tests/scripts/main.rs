//! Files in a folder, and what comes of them.

mod answers;
mod calls;
mod crons;
mod fetch;
mod files;
mod globals;
mod limits;
mod nested;
mod world;
