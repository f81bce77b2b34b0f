//! README.md and docs/: what they say holds. The pages of docs/reference are written by the program, links lead somewhere, commands
//! are understood, and names are those of the tables.

mod reference;
