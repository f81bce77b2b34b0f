//! README.md and docs/: what they say holds. The pages of docs/reference are written by the program, links lead somewhere, commands
//! are understood, names are those of the tables, and a word is explained before it is used.

mod commands;
mod links;
mod markdown;
mod names;
mod outputs;
mod platforms;
mod reference;
mod security;
mod template;
mod words;
