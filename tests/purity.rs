//! The middle of the program is pure: facts to verdicts without a file, a clock, the environment or
//! a system call. Reads the sources of those modules and names whatever creeps in.

use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// Folders, with all that is in them, and single files, below src/.
const PURE: [&str; 19] = [
    "fact",
    "profile",
    "cause",
    "behaviour",
    "check",
    "explain",
    "node",
    "publish",
    "fleet",
    "admission",
    "pod",
    "yaml",
    "build",
    "render",
    "report",
    "tune/plan.rs",
    "agent/schedule.rs",
    "agent/clock.rs",
    "text.rs",
];

/// What of the standard library has no eyes and no hands.
const STD: [&str; 8] = ["borrow", "cmp", "collections", "fmt", "iter", "ops", "str", "string"];
/// A length of time is a value, and so is a moment that others bring, and a text that is shared.
const PLAIN: [&str; 3] = ["std::time::Duration", "jiff::Timestamp", "std::sync::Arc"];
/// Points in time and chance are values too, as long as others bring them: for those who schedule, all in this folder.
const SCHEDULES: &str = "agent";
const VALUES: [&str; 2] = ["std::time::Instant", "fastrand::Rng"];
/// The same of our dependencies.
const CRATES: [&str; 12] = [
    "aho_corasick",
    "base64",
    "minijinja",
    "percent_encoding",
    "pulldown_cmark",
    "schemars",
    "serde",
    "serde_json",
    "serde_saphyr",
    "sha2",
    "shlex",
    "strum",
];
/// Macros that write. What `env!` and `include_str!` see is the same in each run of a build.
const MACROS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

#[derive(Default)]
struct Impurities {
    found: Vec<String>,
    /// Whether [`VALUES`] may be used.
    schedules: bool,
}

impl Impurities {
    fn is_value(&self, segments: &[String]) -> bool {
        let path = segments.join("::");
        PLAIN.contains(&path.as_str()) || self.schedules && VALUES.contains(&path.as_str())
    }

    fn path(&mut self, segments: &[String]) {
        let second = || segments.get(1).map_or("", String::as_str);
        let impure = match segments.first().map_or("", String::as_str) {
            _ if self.is_value(segments) => false,
            "std" | "core" | "alloc" => !STD.contains(&second()),
            "Instant" | "Rng" | "Timestamp" => ["now", "new"].contains(&second()),
            "crate" => !is_pure(&segments[1..]),
            first => ["nix", "libc", "tokio", "sysinfo", "xattr", "jiff", "anyhow", "clap", "kube", "fastrand"].contains(&first),
        };
        if impure {
            self.found.push(segments.join("::"));
        }
    }

    fn tree(&mut self, tree: &syn::UseTree, prefix: &mut Vec<String>) {
        let mut below = |name: &syn::Ident, inner: Option<&syn::UseTree>| {
            prefix.push(name.to_string());
            match inner {
                Some(inner) => self.tree(inner, prefix),
                None => self.import(prefix),
            }
            prefix.pop();
        };
        match tree {
            syn::UseTree::Path(path) => below(&path.ident, Some(&path.tree)),
            syn::UseTree::Name(name) => below(&name.ident, None),
            syn::UseTree::Rename(rename) => below(&rename.ident, None),
            syn::UseTree::Glob(_) => self.found.push(format!("{}::*", prefix.join("::"))),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, prefix)),
        }
    }

    /// An import may also name a crate that nobody thought of.
    fn import(&mut self, segments: &[String]) {
        match segments.first().map_or("", String::as_str) {
            "super" | "self" | "crate" | "std" | "core" | "alloc" => self.path(segments),
            _ if self.is_value(segments) => {}
            first if CRATES.contains(&first) || first.starts_with(char::is_uppercase) => {}
            // `pub use module::Name`: a module of this crate, declared beside it.
            first if segments.len() == 2 && is_sibling(first) => {}
            _ => self.found.push(segments.join("::")),
        }
    }
}

/// Whether a path of this crate leads into a pure place: `check::judge`, `tune::plan::TunePlan`.
fn is_pure(path: &[String]) -> bool {
    let path = path.join("/");
    PURE.iter().map(|place| place.trim_end_matches(".rs")).any(|place| path == place || path.starts_with(&format!("{place}/")))
}

fn is_sibling(name: &str) -> bool {
    sources().iter().any(|path| path.file_stem().is_some_and(|stem| stem == name) || path.ends_with(format!("{name}/mod.rs")))
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The sources of all pure places.
fn sources() -> Vec<PathBuf> {
    let mut todo: Vec<_> = PURE.iter().map(|place| src().join(place)).collect();
    let mut found = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !["testing.rs", "tests.rs"].iter().any(|name| path.ends_with(name))
        {
            assert!(path.exists(), "{} is there", path.display());
            found.push(path);
        }
    }
    found
}

impl<'ast> Visit<'ast> for Impurities {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let for_tests =
            item.attrs.iter().any(|attr| attr.path().is_ident("cfg") && attr.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test"));
        if !for_tests {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.path(&segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        if let Some(name) = item.path.segments.last().filter(|segment| MACROS.iter().any(|name| segment.ident == name)) {
            self.found.push(format!("{}!", name.ident));
        }
        // The arguments of most macros are expressions.
        let list = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if let Ok(arguments) = item.parse_body_with(list) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "elapsed" {
            self.found.push(".elapsed()".into());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_await(&mut self, _: &'ast syn::ExprAwait) {
        self.found.push(".await".into());
    }

    fn visit_expr_unsafe(&mut self, _: &'ast syn::ExprUnsafe) {
        self.found.push("unsafe".into());
    }
}

fn impurities(source: &str, schedules: bool) -> Vec<String> {
    let mut impurities = Impurities { schedules, ..Impurities::default() };
    impurities.visit_file(&syn::parse_file(source).expect("Rust"));
    impurities.found
}

#[test]
fn pure_modules_import_nothing_that_sees_or_touches_the_world() {
    let sources = sources();
    for path in &sources {
        let found = impurities(&fs::read_to_string(path).expect("a source"), path.starts_with(src().join(SCHEDULES)));
        assert!(found.is_empty(), "{} uses {}", path.display(), found.join(", "));
    }
    assert!(sources.len() >= 55, "{} files", sources.len());
}

#[test]
fn the_test_sees_what_it_is_for() {
    for (source, what) in [
        ("use std::fs;", "std::fs"),
        ("use std::{fmt, time::Instant};", "std::time::Instant"),
        ("fn f() -> Instant { Instant::now() }", "Instant::now"),
        ("use jiff::Timestamp; fn f() -> Timestamp { Timestamp::now() }", "Timestamp::now"),
        ("use std::sync::Mutex;", "std::sync::Mutex"),
        ("fn f(at: Instant) -> Duration { at.elapsed() }", ".elapsed()"),
        ("fn f() -> f64 { fastrand::f64() }", "fastrand::f64"),
        ("fn f() -> Rng { Rng::new() }", "Rng::new"),
        ("use crate::gather::Options;", "crate::gather::Options"),
        ("use nix::unistd::getpid;", "nix::unistd::getpid"),
        ("use rand::random;", "rand::random"),
        ("fn f() { std::env::var(\"HOME\"); }", "std::env::var"),
        ("fn f() -> String { format!(\"{:?}\", std::time::SystemTime::now()) }", "std::time::SystemTime::now"),
        ("fn f() { println!(\"\"); }", "println!"),
        ("async fn f() { g().await }", ".await"),
    ] {
        assert_eq!(impurities(source, false), [what], "{source}");
    }
    assert!(impurities("use std::fmt; use super::Case; #[cfg(test)] mod tests { use std::fs; }", false).is_empty());
    assert_eq!(
        impurities("use std::time::{Instant, SystemTime}; fn f() { Instant::now(); }", true),
        ["std::time::SystemTime", "Instant::now"]
    );
}
