//! The only code that touches disk, terminal, clock and arguments.
