//! The reference pages of docs/reference, as Markdown: each is made from the tables that the program itself goes by.
//!
//! `make docs` writes these pages, and a test holds the files to them.

mod behaviours;
mod causes;
mod checks;
mod facts;
mod markdown;
mod node;
mod obstacles;
mod profiles;
mod systems;

pub use behaviours::behaviours;
pub(crate) use markdown::{code, head, table};

/// A page: the name of its file without `.md`, and its text.
pub type Page = (&'static str, String);

/// The pages that this room and those below it have tables for.
pub fn pages() -> Vec<Page> {
    vec![
        ("causes", causes::page()),
        ("checks", checks::page()),
        ("conditions", node::conditions()),
        ("labels", node::labels()),
        ("obstacles", obstacles::page()),
        ("profiles", profiles::page()),
        ("sources", facts::sources()),
        ("sysctls", facts::sysctls()),
        ("systems", systems::page()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_a_name_of_its_own_and_says_where_it_comes_from() {
        let pages = pages();
        let names: std::collections::BTreeSet<_> = pages.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), pages.len());
        assert!(pages.iter().all(|(_, text)| text.starts_with("# ") && text.contains("make docs")));
    }
}
