//! A Build and its template, checked and filled in.

use super::buildctl::{Fault, check};
use super::model::{Argument, Build, Container, Template, TemplateRef, Volume, Work};
use super::near::did_you_mean;
use super::substitute::{self, Values};
use super::{stages, validate};
use crate::yaml::LARGEST;
use crate::yaml::{Invalid, Spot};
use serde_json::Value;

/// All that is needed to make a Job of a Build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The Build; its steps, its volumes and its template are not looked at any more.
    pub build: Build,
    /// What is done, in order.
    pub steps: Vec<Container>,
    /// The volumes of the Build and of its template.
    pub volumes: Vec<Volume>,
    /// Secrets of the build itself, which its last step sees as read-only files: name and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Whether its pod may have the token of its service account, as Kubernetes has it by default.
    pub token: bool,
}

/// Checks a Build, and fills in its template; `template` is the one that it names, none for a Build with steps.
///
/// # Errors
/// What does not fit.
pub fn plan(build: Build, template: Option<&Template>) -> Result<Plan, Invalid> {
    let (steps, volumes) = match (&build.work, template) {
        (Work::Steps(_), Some(template)) => {
            return Err(template.name.spot.invalid("the Build has steps of its own, so a template has no effect"));
        }
        (Work::Steps(steps), None) => {
            steps_work(steps, &|invalid, _| invalid)?;
            (steps.clone(), build.volumes.clone())
        }
        (Work::Template(wanted), None) => {
            return Err(wanted.name.spot.invalid(format!("{} `{}` was not found", wanted.kind.id(), wanted.name.value)));
        }
        (Work::Template(wanted), Some(template)) => {
            is_wanted(wanted, template)?;
            let values = values(wanted, template)?;
            if substitute::size(template, &wanted.env, &values) > LARGEST {
                let message = format!("template `{}` has more than {LARGEST} bytes with its arguments filled in", template.name.value);
                return Err(wanted.name.spot.invalid(message));
            }
            let steps: Vec<_> = template.steps.iter().map(|step| with_env(substitute::step(step, &values), wanted, &values)).collect();
            steps_work(&steps, &|invalid, value| blame(invalid, value, wanted, template))?;
            let volumes = template.volumes.iter().map(|volume| substitute::volume(volume, &values));
            (steps, build.volumes.iter().cloned().chain(volumes).collect())
        }
    };
    validate::volumes(&volumes)?;
    stages::are_distinct(&build, &steps)?;
    Ok(Plan { build, steps, volumes, files: Vec::new(), token: true })
}

/// Looks at steps as they will run. `blame` gets an error, and with which value.
fn steps_work(steps: &[Container], blame: &dyn Fn(Invalid, Option<&str>) -> Invalid) -> Result<(), Invalid> {
    validate::steps(steps).map_err(|invalid| blame(invalid, None))?;
    let check = |step| check(step).map_err(|Fault { field, value, message }| blame(step.spot_of(&field).invalid(message), Some(&value)));
    steps.iter().try_for_each(check)
}

/// A template that was found must be the one that is named.
fn is_wanted(wanted: &TemplateRef, template: &Template) -> Result<(), Invalid> {
    let found = (template.kind, &template.name.value);
    if found == (wanted.kind, &wanted.name.value) {
        return Ok(());
    }
    let message = format!(
        "the Build wants {} `{}`, but {} is {} `{}`",
        wanted.kind.id(),
        wanted.name.value,
        template.name.spot.file,
        found.0.id(),
        found.1
    );
    Err(wanted.name.spot.invalid(message))
}

/// The values of all parameters. An argument that the template does not declare is taken if the template uses it, as Knative did.
fn values(wanted: &TemplateRef, template: &Template) -> Result<Values, Invalid> {
    let declared = || template.parameters.iter().map(|parameter| parameter.name.value.as_str());
    let name = &wanted.name.value;
    for argument in &wanted.arguments {
        let given = &argument.name;
        if !declared().any(|name| name == given.value) && !is_used(template, &given.value) {
            let near = did_you_mean(&given.value, declared());
            return Err(given.spot.invalid(format!("unknown parameter `{}` of template `{name}`{near}", given.value)));
        }
    }
    let mut values: Values = wanted.arguments.iter().map(|argument| (argument.name.value.clone(), argument.value.value.clone())).collect();
    for parameter in &template.parameters {
        let key = &parameter.name.value;
        match &parameter.default {
            _ if values.contains_key(key) => {}
            Some(default) => {
                values.insert(key.clone(), default.clone());
            }
            None => {
                let spot = Spot { path: "spec.template.arguments".into(), ..wanted.name.spot.clone() };
                return Err(spot.invalid(format!("the argument `{key}` is missing: template `{name}` requires it")));
            }
        }
    }
    Ok(values)
}

fn is_used(template: &Template, name: &str) -> bool {
    let mut used = false;
    substitute::in_template(template, &mut |text| used |= substitute::uses(text, name));
    used
}

/// A step with the variables that the Build sets for all steps of its template: they replace those of the same names.
fn with_env(mut step: Container, wanted: &TemplateRef, values: &Values) -> Container {
    let Some(fields) = step.value.as_object_mut().filter(|_| !wanted.env.is_empty()) else { return step };
    let is_replaced = |variable: &Value| wanted.env.iter().any(|(name, _)| variable.get("name").and_then(Value::as_str) == Some(name));
    let own = fields.get("env").and_then(Value::as_array).into_iter().flatten().filter(|variable| !is_replaced(variable)).cloned();
    let given = wanted.env.iter().map(|(_, variable)| {
        let mut variable = variable.clone();
        if let Some(Value::String(text)) = variable.get_mut("value") {
            *text = substitute::fill(text, values);
        }
        variable
    });
    let env = own.chain(given).collect();
    fields.insert("env".into(), env);
    step
}

/// An error in a step that an argument brought there is an error of that argument.
fn blame(invalid: Invalid, value: Option<&str>, wanted: &TemplateRef, template: &Template) -> Invalid {
    let field = |step: &'_ Container| {
        let (field, _) = step.fields.iter().find(|(_, spot)| **spot == invalid.spot)?;
        step.word(field).map(str::to_owned)
    };
    let Some(raw) = template.steps.iter().find_map(field) else { return invalid };
    let brought = |argument: &&Argument| {
        substitute::uses(&raw, &argument.name.value)
            && value.is_none_or(|value| argument.value.value == value || !value.is_empty() && argument.value.value.contains(value))
    };
    let mut suspects = wanted.arguments.iter().filter(brought);
    match (suspects.next(), suspects.next()) {
        (Some(one), None) => {
            Invalid { spot: one.value.spot.clone(), message: format!("{}: {}", one.name.value, invalid.message), ..invalid }
        }
        _ => invalid,
    }
}
