//! The only code that touches disk, terminal, clock and arguments.

pub mod config;
pub mod files;
pub mod print;
