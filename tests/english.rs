//! Messages are English that is read once: no phrase that has to be read twice, plurals that agree, sentences that end in time.
//! Looks at the string literals of src/ outside of tests, at the helps of the command line, and at the comments in manifests.

use std::fs;
use std::path::{Path, PathBuf};
use syn::parse::ParseStream;
use syn::visit::{self, Visit};

/// Phrases that an operator reads twice or searches for in vain, and what says the same.
const BANNED: &[(&str, &str)] = &[
    ("come to", "a verb that says how"),
    ("came of", "\"the state of\""),
    ("mend", "\"fix\""),
    ("at hand", "leave it out"),
    ("of ours", "say whose"),
    ("that is not to be had", "\"missing\""),
    ("in place of", "\"instead of\""),
    ("nobody can tell", "\"unknown\""),
    ("nobody knows", "\"it is not known\""),
    ("who can tell", "\"unknown\""),
    ("can't be told", "\"can't be read\", \"is not known\""),
    ("nothing tells", "\"it is not known\""),
    ("does not tell", "\"does not report\", \"does not record\""),
    ("not told", "\"not reported\""),
    ("is told", "\"is published\", \"is reported\""),
    ("gone meanwhile", "\"was deleted meanwhile\""),
    ("looks able", "\"the facts look good\""),
    ("went on with", "\"continued with\""),
    ("set back to", "\"reset to\""),
    ("its time was up", "\"timed out\""),
    ("again and again", "\"will retry\""),
    ("is not there", "\"does not exist\""),
    ("somebody", "\"another process\""),
    ("passed over", "\"skipped\""),
    ("all the same", "\"anyway\""),
    ("only trying", "\"only a probe\""),
    ("make it anew", "\"create it again\""),
    ("now and then", "\"stays\""),
    ("rid of", "\"without\""),
    ("is no number", "\"is not a number\""),
    ("is no directory", "\"is not a directory\""),
    ("is no socket", "\"is not a socket\""),
    ("is no ordinary", "\"is not a regular\""),
    ("whoever", "say who"),
    ("besides", "\"also\""),
    ("says nothing of", "\"about\""),
    ("lies on", "\"is on\""),
    ("as it is needed", "say what for"),
    ("no way to", "\"no access to\""),
    ("runs since", "\"has been running since\""),
    ("foretold", "\"predicted\""),
];

/// The longest sentence in a message, in words.
const LONGEST: usize = 30;

/// What is wrong with a text.
fn faults(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut found = Vec::new();
    for (phrase, better) in BANNED {
        if has_words(&lower, phrase) {
            found.push(format!("{phrase:?}: say {better}"));
        }
    }
    if text.contains("(s)") {
        found.push("a plural in (s)".into());
    }
    let around = text.as_bytes().windows(3);
    if around.clone().any(|three| three[0].is_ascii_alphanumeric() && three[1] == b' ' && b",;:!?".contains(&three[2])) {
        found.push("a space before punctuation".into());
    }
    // The lines of a help, and of its examples, are set in columns.
    let is_prose = !text.contains('\n');
    if is_prose
        && text.as_bytes().windows(4).any(|four| !four[0].is_ascii_whitespace() && four[1..3] == *b"  " && four[3].is_ascii_alphabetic())
    {
        found.push("two spaces".into());
    }
    for sentence in sentences(text) {
        let words = sentence.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        if words > LONGEST {
            found.push(format!("a sentence of {words} words: {sentence:?}"));
        }
    }
    found
}

/// Whether these words stand in a text, not inside of others.
fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let is_in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !is_in_word(text[..at].chars().next_back()) && !is_in_word(text[at + words.len()..].chars().next())
    })
}

/// A sentence ends where the next one begins, at a line's end, or at a semicolon.
fn sentences(text: &str) -> Vec<&str> {
    text.split('\n').flat_map(|line| line.split(". ")).flat_map(|part| part.split("; ")).collect()
}

#[derive(Default)]
struct Texts {
    found: Vec<String>,
}

/// All string literals among tokens.
fn literals(input: ParseStream<'_>) -> syn::Result<Vec<String>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let inner;
        if input.peek(syn::LitStr) {
            found.push(input.parse::<syn::LitStr>()?.value());
        } else if input.peek(syn::token::Paren) {
            syn::parenthesized!(inner in input);
            found.extend(literals(&inner)?);
        } else if input.peek(syn::token::Bracket) {
            syn::bracketed!(inner in input);
            found.extend(literals(&inner)?);
        } else if input.peek(syn::token::Brace) {
            syn::braced!(inner in input);
            found.extend(literals(&inner)?);
        } else {
            input.step(|cursor| cursor.token_tree().map(|(_, rest)| ((), rest)).ok_or_else(|| cursor.error("a token")))?;
        }
    }
    Ok(found)
}

impl Texts {
    /// The doc comment that is the help of a command, an option or a value.
    fn help(&mut self, attributes: &[syn::Attribute]) {
        let line = |attribute: &syn::Attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        };
        self.found.push(attributes.iter().filter_map(line).collect::<Vec<_>>().join(" "));
    }
}

/// Whether clap makes a help of the comments.
fn is_of_command_line(attributes: &[syn::Attribute]) -> bool {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut names = derives.flat_map(|attribute| {
        let list = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
        attribute.parse_args_with(list).map(|paths| paths.into_iter().collect::<Vec<_>>()).unwrap_or_default()
    });
    names.any(|name| {
        name.segments.last().is_some_and(|last| ["Args", "Parser", "Subcommand", "ValueEnum"].iter().any(|one| last.ident == one))
    })
}

impl<'ast> Visit<'ast> for Texts {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let for_tests =
            item.attrs.iter().any(|attr| attr.path().is_ident("cfg") && attr.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test"));
        if !for_tests {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if is_of_command_line(&item.attrs) {
            self.help(&item.attrs);
            item.fields.iter().for_each(|field| self.help(&field.attrs));
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        if is_of_command_line(&item.attrs) {
            item.variants.iter().for_each(|variant| self.help(&variant.attrs));
        }
        visit::visit_item_enum(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // The reasons of lints are for those who read the source.
        let is_message = ["error", "command", "arg"].iter().any(|name| attribute.path().is_ident(name));
        if is_message && let Ok(found) = attribute.parse_args_with(literals) {
            self.found.extend(found);
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.found.push(literal.value());
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        // What a broken invariant says is for those who read the source.
        let is_for_developers = ["assert", "debug_assert", "unreachable"].iter().any(|name| item.path.is_ident(name));
        if !is_for_developers && let Ok(found) = item.parse_body_with(literals) {
            self.found.extend(found);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "expect" {
            self.visit_expr(&call.receiver);
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }
}

fn of_source(source: &str) -> Vec<String> {
    let mut texts = Texts::default();
    texts.visit_file(&syn::parse_file(source).expect("Rust"));
    texts.found
}

/// A line of a template without `{% if .. %}` and its like.
fn without_tags(line: &str) -> String {
    line.split("{%").map(|part| part.split_once("%}").map_or(part, |(_, rest)| rest)).collect()
}

/// The comments of a manifest, and the sentences that an admission policy answers with.
fn of_manifest(source: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for line in source.lines() {
        match line.trim_start().strip_prefix('#') {
            Some(comment) => {
                let text = found.last_mut().expect("a text");
                *text = format!("{text} {}", without_tags(comment).trim()).trim().to_owned();
            }
            None => {
                found.push(String::new());
                let message = line.trim_start().strip_prefix("message: ");
                found.extend(message.into_iter().flat_map(|text| [text.to_owned(), String::new()]));
            }
        }
    }
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All files below src/ whose names end so.
fn files(end: &str) -> Vec<PathBuf> {
    let mut todo = vec![src()];
    let mut found = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.to_string_lossy().ends_with(end) && !path.ends_with("testing.rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of Dockerfiles in the table of behaviours, and the templates of Helm, are no English.
fn is_script(path: &Path, text: &str) -> bool {
    let marks = [" && ", "RUN ", "; do ", "test -", "test ! ", "grep -", "[ "];
    let is_of_helm = path.starts_with(src().join("render/chart")) && text.contains("{{");
    is_of_helm || path.starts_with(src().join("behaviour")) && marks.iter().any(|mark| text.contains(mark))
}

fn complaints(path: &Path, texts: &[String]) -> Vec<String> {
    let texts = texts.iter().filter(|text| text.contains(' ') && !is_script(path, text));
    texts.flat_map(|text| faults(text).into_iter().map(move |fault| format!("{}: {fault}\n    {text}", path.display()))).collect()
}

#[test]
fn messages_are_read_once() {
    let of = |end: &str, texts: &dyn Fn(&str) -> Vec<String>| {
        let all = files(end).into_iter().map(|path| (texts(&fs::read_to_string(&path).expect("a source")), path));
        all.collect::<Vec<_>>()
    };
    let all: Vec<_> = of(".rs", &of_source).into_iter().chain(of(".yaml", &of_manifest)).collect();
    let read: usize = all.iter().map(|(texts, _)| texts.len()).sum();
    assert!(read > 2_500, "{read} texts");
    let found: Vec<_> = all.iter().flat_map(|(texts, path)| complaints(path, texts)).collect();
    assert!(found.is_empty(), "{} to reword:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_test_sees_what_it_is_for() {
    for (text, fault) in [
        ("Mend the webhook", "\"mend\""),
        ("it looks able", "\"looks able\""),
        ("2 node(s) are ready", "(s)"),
        ("not ready : it fails", "a space before punctuation"),
        ("not  ready", "two spaces"),
        (&"word ".repeat(31), "a sentence of 31 words"),
    ] {
        assert!(faults(text).iter().any(|found| found.contains(fault)), "{text}");
    }
    for text in ["amended recommendations", "income total", &format!("{0}. {0}", "word ".repeat(20).trim())] {
        assert!(faults(text).is_empty(), "{text}: {:?}", faults(text));
    }
    let source = r#"
        #[derive(clap::Args)] struct A { /// The help
            #[arg(help_heading = "A heading")] a: bool }
        #[derive(Error)] enum E { /// No help.
            #[error("An error")] E }
        const A: &str = "A table";
        fn f() { g(format!("{} {}", h("A message"), [1, 2])); x.expect("an invariant"); }
        #[cfg(test)] mod tests { const A: &str = "A test"; }"#;
    let found = of_source(source);
    for text in ["The help", "A heading", "An error", "A table", "A message"] {
        assert!(found.iter().any(|one| one == text), "{text}: {found:?}");
    }
    assert!(!found.iter().any(|text| ["No help.", "an invariant", "A test"].contains(&text.as_str())), "{found:?}");
    let manifest = "# One line{% if x %}\n# and another.\nmessage: a refusal\n# A comment.\n";
    assert_eq!(of_manifest(manifest).join("|"), "One line and another.||a refusal|A comment.");
}
