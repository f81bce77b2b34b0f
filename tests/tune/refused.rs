//! A pod that lacks something changes nothing, and is told what it lacks.

use crate::seen::Seen;

/// Containers, and words of the finding in lower case.
const CONTEXTS: [(&str, &[&str]); 5] = [
    ("no-capability", &["sys_resource", "max_user_namespaces"]),
    ("other-capabilities", &["sys_resource", "max_user_namespaces"]),
    ("read-only", &["read-only", "/host/proc/sys"]),
    ("no-path", &["/host/proc/sys"]),
    ("nested", &["user namespace"]),
];

pub(crate) fn judge(seen: &mut Seen) -> String {
    for (name, words) in CONTEXTS {
        seen.ended(0, name, "4");
        let error = seen.text(&format!("{name}.err"));
        for word in words {
            seen.expect(error.to_lowercase().contains(word), || format!("{name}: no {word} in: {}", error.trim()));
        }
        let (before, after) = (seen.text(&format!("{name}.before")), seen.text(&format!("{name}.after")));
        seen.expect(before == after && !before.is_empty(), || format!("{name}: {before} became {after}"));
    }
    format!("{} pods refused, each with its cause, no value changed", CONTEXTS.len())
}
