//! Templates: `{{name}}` is filled in, and lines between `{{#word}}` or `{{^word}}` and `{{/word}}` stand only where the word
//! is on, or off.

/// Fills a template in.
pub(super) fn fill(template: &str, values: &[(&str, String)], on: &[&str]) -> String {
    let mut text = template.to_owned();
    for (word, kept) in words(template).into_iter().map(|word| (word, on.contains(&word))) {
        for (open, keep) in [(format!("{{{{#{word}}}}}"), kept), (format!("{{{{^{word}}}}}"), !kept)] {
            let close = format!("{{{{/{word}}}}}");
            while let Some((before, rest)) = text.split_once(&open) {
                let (section, after) = rest.split_once(&close).unwrap_or((rest, ""));
                // A mark on a line of its own takes its line's end with it.
                let (section, after) = match section.strip_prefix('\n') {
                    Some(section) => (section, after.strip_prefix('\n').unwrap_or(after)),
                    None => (section, after),
                };
                text = format!("{before}{}{after}", if keep { section } else { "" });
            }
        }
    }
    values.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

/// The words of a template's sections.
fn words(template: &str) -> Vec<&str> {
    let mut words: Vec<_> = template.split("{{/").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(word, _)| word).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_stand_or_fall() {
        let template = "a{{#x}} {{name}}{{/x}}\n{{#x}}\n  b\n{{/x}}\n{{^x}}\n  c\n{{/x}}\nd\n{{#x}}\n  e\n{{/x}}\n";
        let values = [("name", "n".to_owned())];
        assert_eq!(fill(template, &values, &["x"]), "a n\n  b\nd\n  e\n");
        assert_eq!(fill(template, &values, &[]), "a\n  c\nd\n");
    }
}
