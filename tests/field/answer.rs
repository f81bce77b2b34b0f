//! What `check` answered, out of its report.

use serde_json::Value;

/// The answer about one profile.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) verdict: String,
    pub(crate) evidence: String,
    pub(crate) snapshotter: Option<String>,
    pub(crate) causes: Vec<String>,
    /// The remedy of the first cause.
    pub(crate) fix: String,
    /// All that it says was seen.
    pub(crate) messages: String,
}

impl Answer {
    /// That about the first profile of a report.
    pub(crate) fn of(report: &Value) -> Option<Answer> {
        let profile = &report["profiles"][0];
        let findings = profile["findings"].as_array()?;
        let causes: Vec<_> = profile["causes"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let of_first = |finding: &&Value| finding["cause"].as_str() == causes.first().map(String::as_str);
        let remedies = findings.iter().filter(of_first).map(|finding| &finding["remedy"]).filter(|remedy| !remedy.is_null());
        let messages = [&profile["reason"], &profile["failed"]].into_iter().chain(findings.iter().map(|finding| &finding["message"]));
        Some(Answer {
            verdict: profile["verdict"].as_str()?.to_owned(),
            evidence: profile["evidence"].as_str()?.to_owned(),
            snapshotter: profile["snapshotter"].as_str().map(str::to_owned),
            fix: texts(remedies),
            messages: texts(messages),
            causes,
        })
    }

    /// In a line.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{} ({})", self.verdict, self.evidence);
        if let Some(cause) = self.causes.first() {
            line += &format!(" {cause}");
        }
        line
    }
}

/// All strings of some values, as people read them.
pub(crate) fn texts<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
            Value::Object(fields) => fields.values().for_each(|value| collect(value, into)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    values.for_each(|value| collect(value, &mut all));
    all.join("\n")
}
