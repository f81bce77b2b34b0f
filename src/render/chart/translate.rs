//! Templates of manifests as templates of Helm.
//!
//! What a user of the chart may choose becomes an expression or a section of Go's templates; all else is filled in here and now. So a
//! manifest has one source, whoever fills it in.

use crate::render::Error;
use crate::render::template::{Templates, is_before_a_value};

/// What a chart's templates are made with.
pub(super) struct Language {
    /// The first part of each name that users of the chart choose the value of: `tune` of `tune.limits` too. Their values are fields
    /// of the variable `$x`.
    pub(super) chosen: &'static [&'static str],
    /// What stands where a template has the comment `chart: NAME`.
    pub(super) slots: &'static [(&'static str, &'static str)],
}

/// What stands for a piece of Helm's language until the rest is filled in: no manifest has these characters.
const MARKS: [char; 2] = ['\u{1}', '\u{2}'];

/// A template, and the variables of its loops.
struct Translation<'a> {
    language: &'a Language,
    pieces: &'a mut Vec<String>,
    loops: Vec<String>,
    /// Of each open `if` and `for`, whether it is Helm's.
    open: Vec<bool>,
}

/// Fills in a template as far as nobody chooses.
pub(super) fn translate(name: &'static str, language: &Language, values: &minijinja::Value) -> Result<String, Error> {
    let mut pieces = Vec::new();
    let folder = name.split_once('/').map_or("", |(folder, _)| folder);
    let templates = Templates::changed(|name, source| {
        // Others are written in other words.
        if !name.starts_with(folder) {
            return source.to_owned();
        }
        let mut translation = Translation { language, pieces: &mut pieces, loops: Vec::new(), open: Vec::new() };
        source.split_inclusive('\n').map(|line| translation.line(line)).collect()
    })?;
    let mut text = templates.fill(name, values)?;
    for (number, piece) in pieces.iter().enumerate() {
        text = text.replace(&mark(number), piece);
    }
    Ok(text)
}

fn mark(number: usize) -> String {
    format!("{}{number}{}", MARKS[0], MARKS[1])
}

impl Translation<'_> {
    fn keep(&mut self, piece: String) -> String {
        self.pieces.push(piece);
        mark(self.pieces.len() - 1)
    }

    /// A line with its end.
    fn line(&mut self, line: &str) -> String {
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        let alone = text.trim();
        if let Some(slot) = alone.strip_prefix("{# chart: ").and_then(|rest| rest.strip_suffix(" #}")) {
            let (_, piece) = self.language.slots.iter().find(|(name, _)| *name == slot).unwrap_or(&("", ""));
            return if piece.is_empty() { String::new() } else { self.keep((*piece).to_owned()) + end };
        }
        if alone.starts_with("{% ") && alone.ends_with(" %}") && alone.matches("{%").count() == 1 {
            return match self.tag(alone, "{{- ") {
                Some(piece) => self.keep(piece) + end,
                None => line.to_owned(),
            };
        }
        let (mut rest, mut done) = (text, String::new());
        while let Some(at) = rest.find("{{ ").into_iter().chain(rest.find("{% ")).min() {
            done += &rest[..at];
            let is_value = rest[at..].starts_with("{{");
            let close = if is_value { " }}" } else { " %}" };
            let Some(length) = rest[at..].find(close).map(|found| found + close.len()) else { break };
            let tag = &rest[at..at + length];
            rest = &rest[at + length..];
            let is_whole = rest.trim().is_empty() && !done.contains(MARKS[0]) && is_before_a_value(&done);
            let piece = if is_value { self.value(&tag[3..tag.len() - 3], is_whole) } else { self.tag(tag, "{{ ") };
            done += &piece.map_or_else(|| tag.to_owned(), |piece| self.keep(piece));
        }
        done + rest + end
    }

    /// A section's beginning, middle or end; none where it is not Helm's.
    fn tag(&mut self, tag: &str, opening: &str) -> Option<String> {
        let words = tag.trim_start_matches("{% ").trim_end_matches(" %}");
        let said = match words.split_once(' ').unwrap_or((words, "")) {
            ("if", condition) => {
                self.open.push(self.is_chosen(condition) && !is_always(condition));
                format!("if {}", self.expression(condition))
            }
            ("elif", condition) => format!("else if {}", self.expression(condition)),
            ("else", _) => "else".to_owned(),
            ("for", of) => {
                let (variable, list) = of.split_once(" in ")?;
                self.open.push(self.is_chosen(list));
                if self.is_chosen(list) {
                    self.loops.push(variable.to_owned());
                }
                format!("range ${variable} := {}", self.expression(list))
            }
            ("endif" | "endfor", _) => {
                let is_ours = self.open.pop()?;
                return is_ours.then(|| format!("{opening}end }}}}"));
            }
            _ => return None,
        };
        self.open.last().copied()?.then(|| format!("{opening}{said} }}}}"))
    }

    fn value(&self, expression: &str, is_whole: bool) -> Option<String> {
        if !self.is_chosen(expression) {
            return None;
        }
        // A text of lines, or of any characters, is JSON's, which is YAML's too.
        if let Some((text, _)) = expression.split_once(" | block(") {
            return Some(format!("{{{{ {} | toJson }}}}", self.expression(text)));
        }
        let inner = expression.strip_suffix(" | scalar");
        let list = expression.strip_suffix(")").and_then(|text| text.split_once(" | join("));
        Some(match (list, inner) {
            (Some((list, between)), _) => {
                format!("{{{{ {} | join {between}{} }}}}", self.expression(list), if is_whole { " | toJson" } else { "" })
            }
            (_, Some(inner)) => format!("{{{{ {} | toJson }}}}", self.expression(inner)),
            _ if is_whole => format!("{{{{ {} | toJson }}}}", self.expression(expression)),
            _ => format!("{{{{ {} }}}}", self.expression(expression)),
        })
    }

    /// Whether it hangs on what users choose.
    fn is_chosen(&self, expression: &str) -> bool {
        let names =
            |name: &str| expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').any(|word| is_of(word, name));
        let of_loop = self.loops.iter().any(|name| names(name));
        of_loop || self.language.chosen.iter().any(|name| names(name))
    }

    fn expression(&self, expression: &str) -> String {
        let both = |word: &str, (left, right): (&str, &str)| format!("({word} {} {})", self.expression(left), self.expression(right));
        if let Some((yes, rest)) = expression.split_once(" if ")
            && let Some((condition, no)) = rest.split_once(" else ")
        {
            return format!("(ternary {} {} (not (not {})))", self.expression(yes), self.expression(no), self.expression(condition));
        }
        if let Some(parts) = expression.split_once(" or ") {
            return both("or", parts);
        }
        if let Some(parts) = expression.split_once(" and ") {
            return both("and", parts);
        }
        if let Some(of) = expression.strip_prefix("not ") {
            return format!("(not {})", self.expression(of));
        }
        if let Some(parts) = expression.split_once(" == ") {
            return both("eq", parts);
        }
        if expression.starts_with('"') {
            return expression.to_owned();
        }
        let of_loop = self.loops.iter().any(|name| is_of(expression, name));
        if of_loop { format!("${expression}") } else { format!("$x.{expression}") }
    }
}

/// Whether a chart need not ask: the namespace is always there.
fn is_always(condition: &str) -> bool {
    ["namespace", "not namespace"].contains(&condition) || condition.starts_with("not namespace and ")
}

/// Whether a name is that one, or a field of it.
fn is_of(word: &str, name: &str) -> bool {
    word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGE: Language =
        Language { chosen: &["name", "tune", "list"], slots: &[("more", "{{- with .Values.more }}\n  more: {{ . }}\n{{- end }}")] };

    fn line(lines: &[&str]) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut translation = Translation { language: &LANGUAGE, pieces: &mut pieces, loops: Vec::new(), open: Vec::new() };
        let mut texts: Vec<_> = lines.iter().map(|line| translation.line(line)).collect();
        for (number, piece) in pieces.iter().enumerate() {
            texts.iter_mut().for_each(|text| *text = text.replace(&mark(number), piece));
        }
        texts
    }

    #[test]
    fn what_is_chosen_is_helms_and_all_else_stays() {
        for (template, wanted) in [
            ("a: {{ name }}\n", "a: {{ $x.name | toJson }}\n"),
            ("a: {{ fixed }}\n", "a: {{ fixed }}\n"),
            ("a: x{{ name }}-{{ fixed }} # {{ name }}\n", "a: x{{ $x.name }}-{{ fixed }} # {{ $x.name }}\n"),
            ("{{ name }}\n", "{{ $x.name }}\n"),
            ("    - --a={{ name }}\n", "    - --a={{ $x.name }}\n"),
            ("  kind: {{ \"A\" if tune else \"B\" }}\n", "  kind: {{ (ternary \"A\" \"B\" (not (not $x.tune))) | toJson }}\n"),
            ("a: {{ not tune }}\n", "a: {{ (not $x.tune) | toJson }}\n"),
            ("a: {{ name | block(4) }}\n", "a: {{ $x.name | toJson }}\n"),
            ("a: {{ list | join(\",\") }}\n", "a: {{ $x.list | join \",\" | toJson }}\n"),
            ("a: {{ named }}\n", "a: {{ named }}\n"),
            ("  {# chart: more #}\n", "{{- with .Values.more }}\n  more: {{ . }}\n{{- end }}\n"),
            ("  {# chart: none #}\n", ""),
        ] {
            assert_eq!(line(&[template]), [wanted], "{template}");
        }
    }

    #[test]
    fn a_section_is_helms_from_its_beginning_to_its_end() {
        let template = [
            "{% if tune.limits and not name == \"a\" %}\n",
            "{% if fixed %}\n",
            "{% for one in list %}\n",
            "  - {{ one }}\n",
            "{% endfor %}\n",
            "{% endif %}\n",
            "{% elif name or tune %}\n",
            "# {% if tune %}x{% else %}y{% endif %}\n",
            "{% endif %}\n",
        ];
        let wanted = [
            "{{- if (and $x.tune.limits (not (eq $x.name \"a\"))) }}\n",
            "{% if fixed %}\n",
            "{{- range $one := $x.list }}\n",
            "  - {{ $one | toJson }}\n",
            "{{- end }}\n",
            "{% endif %}\n",
            "{{- else if (or $x.name $x.tune) }}\n",
            "# {{ if $x.tune }}x{{ else }}y{{ end }}\n",
            "{{- end }}\n",
        ];
        assert_eq!(line(&template), wanted);
    }
}
