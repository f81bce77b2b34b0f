//! Templates of manifests, and what fills them in. A name that has no value is an error.

use super::Error;
use serde_json::Value as Object;

/// A template by its name.
pub(super) type Source = (&'static str, &'static str);

/// All templates, also those that others include.
const SOURCES: [Source; 40] = [
    ("agent/namespace.yaml", include_str!("agent/namespace.yaml")),
    ("agent/rbac.yaml", include_str!("agent/rbac.yaml")),
    ("agent/policy.yaml", include_str!("agent/policy.yaml")),
    ("agent/daemonset.yaml", include_str!("agent/daemonset.yaml")),
    ("agent/canary.yaml", include_str!("agent/canary.yaml")),
    ("agent/token-volume.yaml", include_str!("agent/token-volume.yaml")),
    ("agent/tune.yaml", include_str!("agent/tune.yaml")),
    ("agent/tune-about.yaml", include_str!("agent/tune-about.yaml")),
    ("agent/tune-container.yaml", include_str!("agent/tune-container.yaml")),
    ("agent/tune-mounts.yaml", include_str!("agent/tune-mounts.yaml")),
    ("agent/tune-volumes.yaml", include_str!("agent/tune-volumes.yaml")),
    ("agent/userns-patch.yaml", include_str!("agent/userns-patch.yaml")),
    ("builder/namespace.yaml", include_str!("builder/namespace.yaml")),
    ("builder/certificates.yaml", include_str!("builder/certificates.yaml")),
    ("builder/config.yaml", include_str!("builder/config.yaml")),
    ("builder/mounts.yaml", include_str!("builder/mounts.yaml")),
    ("builder/sub-ids.yaml", include_str!("builder/sub-ids.yaml")),
    ("builder/buildkitd.yaml", include_str!("builder/buildkitd.yaml")),
    ("builder/network-policy.yaml", include_str!("builder/network-policy.yaml")),
    ("clients/restricted.yaml", include_str!("clients/restricted.yaml")),
    ("clients/build.sh", include_str!("clients/build.sh")),
    ("clients/knative.yaml", include_str!("clients/knative.yaml")),
    ("clients/tekton.yaml", include_str!("clients/tekton.yaml")),
    ("clients/shipwright.yaml", include_str!("clients/shipwright.yaml")),
    ("scaling/readiness-rule.yaml", include_str!("scaling/readiness-rule.yaml")),
    ("agent/nfd.yaml", include_str!("agent/nfd.yaml")),
    ("monitoring/pod-monitor.yaml", include_str!("monitoring/pod-monitor.yaml")),
    ("monitoring/prometheus-rule.yaml", include_str!("monitoring/prometheus-rule.yaml")),
    ("neighbours/nfd-rule.yaml", include_str!("neighbours/nfd-rule.yaml")),
    ("scaling/karpenter.yaml", include_str!("scaling/karpenter.yaml")),
    ("scaling/cluster-autoscaler.yaml", include_str!("scaling/cluster-autoscaler.yaml")),
    ("tools/nodes.txt", include_str!("tools/nodes.txt")),
    ("tools/buildkit-service.yaml", include_str!("tools/buildkit-service.yaml")),
    ("tools/buildkit-operator.yaml", include_str!("tools/buildkit-operator.yaml")),
    ("tools/buildx.sh", include_str!("tools/buildx.sh")),
    ("tools/gitlab-runner.toml", include_str!("tools/gitlab-runner.toml")),
    ("tools/tekton.yaml", include_str!("tools/tekton.yaml")),
    ("tools/shipwright.yaml", include_str!("tools/shipwright.yaml")),
    ("tools/arc.yaml", include_str!("tools/arc.yaml")),
    ("tools/garden.yaml", include_str!("tools/garden.yaml")),
];

/// Templates by their names, ready to be filled in.
pub(super) struct Templates(Vec<(&'static str, String)>);

impl Templates {
    /// Ours.
    pub(super) fn new() -> Result<Self, Error> {
        Self::of(&SOURCES)
    }

    fn of(sources: &[Source]) -> Result<Self, Error> {
        Self::all(sources, |_, source| source.to_owned())
    }

    /// Ours, each changed before it is read.
    pub(super) fn changed(change: impl FnMut(&'static str, &str) -> String) -> Result<Self, Error> {
        Self::all(&SOURCES, change)
    }

    fn all(sources: &[Source], mut change: impl FnMut(&'static str, &str) -> String) -> Result<Self, Error> {
        let templates = Templates(sources.iter().map(|(name, source)| (*name, with_scalars(&change(name, source)))).collect());
        templates.read()?;
        Ok(templates)
    }

    fn read(&self) -> Result<minijinja::Environment<'_>, Error> {
        let mut templates = minijinja::Environment::new();
        templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        // A tag on a line of its own takes the line with it.
        let mut syntax = minijinja::syntax::SyntaxConfig::builder();
        templates.set_syntax(syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
        // As YAML has them: `true`, not `True`.
        templates.set_formatter(|out, state, value| match bool::try_from(value.clone()) {
            Ok(value) => Ok(out.write_str(if value { "true" } else { "false" })?),
            Err(_) => minijinja::escape_formatter(out, state, value),
        });
        templates.add_filter("scalar", |value: minijinja::Value| match value.as_str() {
            Some(text) => scalar(text).into(),
            None => value,
        });
        templates.add_filter("block", |text: &str, indent: usize| block(text, indent));
        for (name, source) in &self.0 {
            templates.add_template(name, source)?;
        }
        Ok(templates)
    }

    /// A template filled in, whatever it is a template of.
    pub(super) fn fill(&self, name: &'static str, values: &minijinja::Value) -> Result<String, Error> {
        Ok(self.read()?.get_template(name)?.render(values)?)
    }

    /// A manifest: YAML, or no one could apply it.
    pub(super) fn manifest(&self, name: &'static str, values: &minijinja::Value) -> Result<String, Error> {
        let text = self.fill(name, values)?;
        objects(name, &text)?;
        Ok(text)
    }
}

/// A template in which each expression that is all of a value, as in `name: {{ name }}`, writes that value as YAML has it.
fn with_scalars(source: &str) -> String {
    let line = |line: &str| {
        let text = line.trim_end();
        let whole = text.split_once("{{ ").and_then(|(before, rest)| Some((before, rest.strip_suffix(" }}")?)));
        match whole {
            Some((before, expression)) if is_before_a_value(before) && !expression.contains("{{") && !expression.contains("| block(") => {
                format!("{before}{{{{ ({expression}) | scalar }}}}{}", &line[text.len()..])
            }
            _ => line.to_owned(),
        }
    };
    source.split_inclusive('\n').map(line).collect()
}

/// Whether what follows is all of a value.
pub(super) fn is_before_a_value(text: &str) -> bool {
    let text = text.trim();
    text.ends_with(':') && !text.contains(['#', '"']) || text == "-"
}

/// A text as YAML has it: plain where every reader takes it for a text, in quotes where one may take it for something else. The YAML
/// of Kubernetes is that of version 1.1, where `yes` is a boolean and `1:20` a number.
pub(super) fn scalar(text: &str) -> String {
    // An expression of another template language is no value yet.
    if text.starts_with("{{ ") && text.ends_with(" }}") {
        return text.to_owned();
    }
    const WORDS: [&str; 12] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._/@:,;()'=+-".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(plain)
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    // JSON's quotes are YAML's.
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// A text of several lines as YAML has it: as a block where every reader finds it there as it was, else in quotes.
fn block(text: &str, indent: usize) -> String {
    let is_seen = |c: char| c == '\n' || c == ' ' || c.is_ascii_graphic();
    let is_plain = text.ends_with('\n') && !text.ends_with("\n\n") && !text.starts_with([' ', '\n']) && text.chars().all(is_seen);
    if !is_plain {
        return crate::text::json(serde_json::Value::from(text).to_string());
    }
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("\n{}{line}", " ".repeat(indent)) };
    text.lines().map(line).fold("|".to_owned(), |block, line| block + &line)
}

/// The objects of a manifest.
pub(super) fn objects(name: &'static str, text: &str) -> Result<Vec<Object>, Error> {
    serde_saphyr::from_multiple(text).map_err(|error| Error::Yaml { name, source: Box::new(error) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    fn manifest(source: &'static str) -> Result<String, Error> {
        Templates::of(&[("a.yaml", source)])?.manifest("a.yaml", &context! { name => "n", on => true, number => "123", list => ["x", "z"] })
    }

    #[test]
    fn a_tag_takes_its_line_with_it_and_values_are_as_yaml_has_them() {
        let source = "a: {{ on }} #{% if on %} {{ name }}{% endif %}.\n{% if on %}\nb: 2\n{% else %}\nc: 3\n{% endif %}\nd:\n{% for one in list %}\n  - {{ one }}\n{% endfor %}\n";
        assert_eq!(manifest(source).expect("a manifest"), "a: true # n.\nb: 2\nd:\n  - x\n  - z\n");
    }

    #[test]
    fn a_fault_in_a_template_is_an_error_and_not_null() {
        let message = |source| manifest(source).expect_err("a fault").to_string();
        for (source, wanted) in [
            ("a: {{ nmae }}\n", "undefined value"),
            ("{% if off %}\na: 1\n{% endif %}\n", "undefined value"),
            ("{% if on %}\na: 1\n", "syntax error"),
            ("{% include \"b.yaml\" %}\n", "b.yaml"),
            ("a: [{{ name }}\n", "a.yaml is not valid YAML"),
            ("a: 1\n  b: 2\n", "a.yaml is not valid YAML"),
        ] {
            assert!(message(source).contains(wanted), "{source}: {}", message(source));
        }
    }

    #[test]
    fn values_of_another_language_stand_as_they_are() {
        let templates = Templates::of(&[("a.yaml", "a: {{ name }}\n")]).expect("templates");
        let values = context! { name => "{{ .Values.name | quote }}" };
        assert_eq!(templates.fill("a.yaml", &values).expect("a text"), "a: {{ .Values.name | quote }}\n");
    }

    #[test]
    fn a_text_of_lines_is_read_as_it_was() {
        for (text, is_block) in [
            ("a = 1\n", true),
            ("[a]\n  b = \"{{ x }}\"\n\n# c: d \n", true),
            ("a", false),
            ("", false),
            ("\n", false),
            (" a\n", false),
            ("\na\n", false),
            ("a\n\n", false),
            ("a\r\nb\r\n", false),
            ("a\tb\n", false),
            ("\u{feff}a\n", false),
            ("a\u{85}b\u{2028}\n", false),
            ("a = '\u{202e}é'\n", false),
            ("...\n---\n", true),
        ] {
            let written = format!("a:\n  b: {}\nc: 1\n", block(text, 4));
            let read: Object = serde_saphyr::from_str(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!((&read["a"]["b"], &read["c"]), (&Object::from(text), &Object::from(1)), "{written}");
            assert_eq!(written.contains("b: |"), is_block, "{written}");
            assert!(crate::text::is_harmless(&written), "{written}");
        }
    }

    #[test]
    fn a_text_is_a_text_to_every_reader() {
        for text in [
            "",
            "~",
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "true",
            "False",
            "NULL",
            "null",
            "NaN",
            ".nan",
            ".inf",
            "-.INF",
            "123",
            "0x1f",
            "0o7",
            "0b1",
            "1_000",
            "1e3",
            "1.5",
            "-1",
            "+1",
            "1:20",
            "2001-01-01",
            "<<",
            "=",
            "!x",
            "&x",
            "*x",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "a\nb",
            " a",
            "a ",
            "{a}",
            "[a]",
            "'a'",
            "\"a\"",
            "%a",
            "@a",
            "`a",
            "?",
            "|",
            ">",
            "é",
        ] {
            let written = scalar(text);
            assert!(written.starts_with('"'), "{text}: {written}");
            assert_eq!(serde_saphyr::from_str::<Object>(&written).expect("YAML"), Object::from(text));
        }
        for text in ["buildkit", "b1", "r.example:5000/a/b:1@sha256:0a", "/var/lib/buildkit", "one, two: no", "procmount,userns"] {
            assert!(text.contains(": ") || scalar(text) == text, "{text}");
        }
        assert_eq!(
            manifest("a: {{ number }}\nb:\n  - {{ number }}\nc: x{{ number }}\nd: {{ not on }}\n").expect("YAML"),
            "a: \"123\"\nb:\n  - \"123\"\nc: x123\nd: false\n"
        );
    }
}
