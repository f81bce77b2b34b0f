use super::markdown::{code, head, link, list, table};
use crate::cause::Cause;
use crate::node::{CONDITIONS, DEFAULT_PREFIX, Key, Speaker, Values};
use crate::profile::Profile;
use crate::publish::{EVENTS, REASONS, reason_of};

/// The labels on a Node.
pub(super) fn labels() -> String {
    let about = format!(
        "The agents write these labels on their Node, and no others. Before each name stands `{DEFAULT_PREFIX}/`, or the prefix that\n\
        `render agent --label-prefix` was given. A value that is not known is not written."
    );
    let values = |values: Values| match values {
        Values::Words(words) => list(words.iter().map(code)),
        Values::Number => "a number".into(),
        Values::Like(example) => format!("such as {}", code(example)),
    };
    let speaker = |speaker: Speaker| match speaker {
        Speaker::Canary => "the canary, or the agent where no canary can speak",
        Speaker::Own | Speaker::Tune | Speaker::System => "the agent",
    };
    let rows = Key::ALL.iter().filter_map(|key| key.row());
    let rows = rows.map(|row| [code(row.name), values(row.values), row.says.to_owned(), speaker(row.speaker).to_owned()]);
    let scheduling = "\n`ready` is written only where a pod of the profile's shape proved it. The canaries of `privileged` and `rootful` are\n\
        rarely deployed, and without one the label is `not-ready` or `unknown`: schedule such builders by `NotIn [not-ready]`, or by the labels below.\n\n\
        ## For a nodeSelector\n\n\
        A `nodeSelector` can only ask for a label with a value. Each profile has one:\n";
    let selectors = Profile::ALL.map(|profile| {
        let (key, value) = Key::selector(profile);
        let means = if profile.needs_proof() {
            "a pod of this shape has proven it there"
        } else {
            "no fact there speaks against it; a build may still fail"
        };
        [code(profile), code(format!("{}={value}", key.with(DEFAULT_PREFIX))), means.to_owned()]
    });
    head("Labels", "src/node/labels.rs", &about)
        + &table(["label", "values", "what it says", "written by"], rows)
        + scheduling
        + &table(["profile", "label", "what it means"], selectors)
}

/// The conditions on a Node, their reasons, and the events.
pub(super) fn conditions() -> String {
    let about = "The agents write these conditions in the status of their Node. `kubectl describe node` shows them. They have no effect on\n\
        scheduling: the [labels](labels.md) have.";
    let types = CONDITIONS.iter().map(|row| [code(row.name), code(row.profile), row.subject.to_owned()]);
    let reasons = REASONS.iter().map(|row| {
        let statuses = list(row.statuses.iter().map(code));
        [code(row.reason), statuses, row.means.to_owned(), row.action.to_owned()]
    });
    let causes = Cause::ALL.iter().map(|cause| [code(reason_of(*cause)), cause.title().to_owned(), link(*cause)]);
    let events = EVENTS.iter().map(|row| [code(row.reason), code(row.severity.name()), row.means.to_owned()]);
    [
        head("Conditions", "src/node/conditions.rs and src/publish", about),
        table(["condition", "profile", "speaks of"], types),
        "\n## Reasons\n\nWithout a cause:\n".into(),
        table(["reason", "status", "meaning", "what to do"], reasons),
        "\nWith status `False`, the cause that decided. Its text says what to do:\n".into(),
        table(["reason", "meaning", "more"], causes),
        "\n## Events\n\nAn event on the Node tells of each change. `TYPE` is the type of a condition above.\n".into(),
        table(["reason of the event", "type", "meaning"], events),
    ]
    .concat()
}
