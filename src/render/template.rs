//! Templates of manifests, and what fills them in. A name that has no value is an error.

use super::Error;
use serde_json::Value as Object;

/// A template by its name.
pub(super) type Source = (&'static str, &'static str);

/// All templates, also those that others include.
const SOURCES: [Source; 16] = [
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
    ("builder/sub-ids.yaml", include_str!("builder/sub-ids.yaml")),
    ("builder/buildkitd.yaml", include_str!("builder/buildkitd.yaml")),
    ("builder/network-policy.yaml", include_str!("builder/network-policy.yaml")),
];

/// Templates that were read.
pub(super) struct Templates(minijinja::Environment<'static>);

impl Templates {
    /// Ours.
    pub(super) fn new() -> Result<Self, Error> {
        Self::of(&SOURCES)
    }

    fn of(sources: &[Source]) -> Result<Self, Error> {
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
        for (name, source) in sources {
            templates.add_template(name, source)?;
        }
        Ok(Templates(templates))
    }

    /// A template filled in, whatever it is a template of.
    pub(super) fn fill(&self, name: &'static str, values: &minijinja::Value) -> Result<String, Error> {
        Ok(self.0.get_template(name)?.render(values)?)
    }

    /// A manifest: YAML, or no one could apply it.
    pub(super) fn manifest(&self, name: &'static str, values: &minijinja::Value) -> Result<String, Error> {
        let text = self.fill(name, values)?;
        objects(name, &text)?;
        Ok(text)
    }
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
        Templates::of(&[("a.yaml", source)])?.manifest("a.yaml", &context! { name => "n", on => true, list => ["x", "y"] })
    }

    #[test]
    fn a_tag_takes_its_line_with_it_and_values_are_as_yaml_has_them() {
        let source = "a: {{ on }} #{% if on %} {{ name }}{% endif %}.\n{% if on %}\nb: 2\n{% else %}\nc: 3\n{% endif %}\nd:\n{% for one in list %}\n  - {{ one }}\n{% endfor %}\n";
        assert_eq!(manifest(source).expect("a manifest"), "a: true # n.\nb: 2\nd:\n  - x\n  - y\n");
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
}
