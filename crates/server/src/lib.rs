//! The binary `tidewire`: configuration, wiring, sockets, commands, the first page.

pub mod account;
mod admit;
pub mod app;
pub mod cli;
pub mod command;
pub mod config;
pub mod control;
pub mod demo;
pub mod doctor;
mod event_stream;
mod files;
pub mod key;
mod lanes;
mod listen;
mod log;
mod metrics;
mod page;
pub mod publish;
mod rooms;
mod scripts;
pub mod serve;
mod socket;
pub mod superuser;
pub mod surroundings;
