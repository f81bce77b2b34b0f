use crate::node::View;

/// The RuntimeClass that a pod names: its containers are another runtime handler's than the default one, of which alone agents tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeClass {
    /// Its name.
    pub name: String,
    /// The handler that it stands for, or why that is not known.
    pub handler: Result<String, String>,
}

impl RuntimeClass {
    /// Why a pod of this class would not start on a node, by what the kubelet says of the handler.
    pub(super) fn obstacle(&self, node: &View, in_user_namespace: bool) -> Option<String> {
        let RuntimeClass { name, handler } = self;
        let (handler, handlers) = (handler.as_ref().ok()?, node.kubelet.runtime_handlers.known()?);
        match handlers.iter().find(|row| row.name == *handler) {
            // A runtime names none but the default one, or all of them.
            None => handlers.iter().any(|row| !row.name.is_empty()).then(|| {
                format!("its runtime has no handler {handler}, which RuntimeClass {name} stands for (runtimeHandlers)")
            }),
            Some(row) => (row.user_namespaces == Some(false) && in_user_namespace).then(|| {
                format!("its handler {handler} gives pods no user namespace (runtimeHandlers), so the kubelet refuses a pod with hostUsers: false")
            }),
        }
    }

    /// Why nobody knows whether builds work there.
    pub(super) fn unproven(&self) -> String {
        let RuntimeClass { name, handler } = self;
        match handler {
            Ok(handler) => {
                format!("agents prove the default handler, and RuntimeClass {name} is the handler {handler}: try a pod of that class")
            }
            Err(why) => format!("the handler of RuntimeClass {name} is not known: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Fit, fit};
    use crate::node::DEFAULT_PREFIX;
    use crate::profile::Profile;
    use serde_json::{Value, json};

    #[test]
    fn a_pod_of_a_class_is_judged_by_its_handler_and_not_by_the_default_one() {
        let yes = json!({"userNamespaces": true});
        let all = json!([
            {"name": "", "features": yes}, {"name": "runc", "features": yes},
            {"name": "kata", "features": {"userNamespaces": false}}, {"name": "runsc"},
        ]);
        let default_alone = json!([{"name": "", "features": yes}]);
        for (handlers, handler, spec, expected, text) in [
            (&all, Ok("runc"), json!({"hostUsers": false}), Fit::Unknown, "agents prove the default handler"),
            (&all, Ok("kata"), json!({"hostUsers": false}), Fit::DoesNotFit, "gives pods no user namespace"),
            (&all, Ok("kata"), json!({}), Fit::Unknown, "agents prove the default handler"),
            (&all, Ok("runsc"), json!({"hostUsers": false}), Fit::Unknown, "agents prove the default handler"),
            (&all, Ok("crun"), json!({}), Fit::DoesNotFit, "has no handler crun"),
            (&default_alone, Ok("crun"), json!({}), Fit::Unknown, "agents prove the default handler"),
            (&Value::Null, Ok("crun"), json!({}), Fit::Unknown, "agents prove the default handler"),
            (&all, Err("forbidden"), json!({}), Fit::Unknown, "is not known: forbidden"),
            (&all, Ok("runc"), json!({"nodeName": "m"}), Fit::DoesNotFit, "spec.nodeName"),
        ] {
            let labels = json!({format!("{DEFAULT_PREFIX}/no-process-sandbox"): "ready"});
            let status = if handlers.is_null() { json!({}) } else { json!({"runtimeHandlers": handlers}) };
            let object = json!({"metadata": {"name": "n", "uid": "u", "labels": labels}, "status": status});
            let node = View::new(serde_json::from_value(object).expect("a node"), DEFAULT_PREFIX);
            let class = RuntimeClass { name: "sandbox".into(), handler: handler.map(str::to_owned).map_err(str::to_owned) };
            let seen = fit(&node, &spec, Some(&class), Profile::NoProcessSandbox, &[]);
            assert_eq!(seen.fit, expected, "{handler:?} {spec}: {seen:?}");
            assert!(seen.why.as_deref().unwrap_or_default().contains(text), "{seen:?}");
        }
    }
}
