//! What came of a case.

/// One row of the table.
pub(crate) struct Row {
    /// What was seen, in a line.
    pub(crate) seen: String,
    /// What is wrong with it; nothing for a case that is right.
    pub(crate) wrongs: Vec<String>,
    /// Whether it was called ready where the build fails.
    pub(crate) false_ready: bool,
    /// What nobody says how it should be, in words.
    pub(crate) unjudged: Option<&'static str>,
    /// All that was printed, for a case that is wrong.
    pub(crate) log: String,
}

impl Row {
    pub(crate) fn new(seen: String, wrongs: Vec<String>, log: String) -> Self {
        Row { seen, wrongs, false_ready: false, unjudged: None, log }
    }

    /// One that could not be looked at.
    pub(crate) fn broken(why: String) -> Self {
        Row::new("not looked at".into(), vec![why], String::new())
    }
}
