//! What a step of the trial build does: the behaviours of the table as system calls, since its image has this program alone.
//!
//! A first layer makes files, a second one changes them, a third one looks whether all is as it should be. Each behaviour has a
//! directory of its own. What failed is printed, and the others go on; the last layer ends with an error then.

mod did;
mod files;
mod layers;
mod mounts;
mod owners;

use did::Done;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Which of the three layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Layer {
    /// Makes what later ones change.
    First,
    /// Changes it.
    Second,
    /// Looks at it.
    Third,
}

/// One behaviour: what each layer does in its directory.
struct Action {
    id: &'static str,
    first: fn(&Path) -> Done,
    second: fn(&Path) -> Done,
    third: fn(&Path) -> Done,
}

const ACTIONS: [&[Action]; 4] = [layers::ACTIONS, owners::ACTIONS, files::ACTIONS, mounts::ACTIONS];

/// Where behaviours have their directories, and what failed is noted.
const PLACE: &str = "behaviours";
const FAILED: &str = "behaviours/failed";

/// The words before the id and between id and error, in what this prints and the trial reads.
pub(crate) const HEAD: &str = "behaviour ";
/// See [`HEAD`].
pub(crate) const BETWEEN: &str = " failed: ";

/// A file that the trial's image has: nowhere else is this to write.
const MARK: &str = "kept/copied";

/// Whether this is a step of the trial build.
pub(crate) fn is_step(root: &Path) -> bool {
    root.join(MARK).exists()
}

/// Does one layer of these behaviours below a root. Gives the lines to print, and whether the build may go on.
pub(crate) fn run(layer: Layer, root: &Path, ids: &[String]) -> (Vec<String>, bool) {
    let mut lines = Vec::new();
    for id in ids {
        let Some(action) = ACTIONS.into_iter().flatten().find(|action| action.id == id) else {
            lines.push(format!("{HEAD}{id}{BETWEEN}this program does not know it"));
            continue;
        };
        let act = [action.first, action.second, action.third][layer as usize];
        let directory = root.join(PLACE).join(id);
        let made = fs::create_dir_all(&directory);
        if let Err(failed) = did::did("make a directory", made).and_then(|()| act(&directory)) {
            lines.push(format!("{HEAD}{id}{BETWEEN}{failed}"));
        }
    }
    let note = root.join(FAILED);
    if !lines.is_empty() {
        // The lines say it all the same.
        let _ = OpenOptions::new().create(true).append(true).open(&note).and_then(|mut file| file.write_all(b"x"));
    }
    let goes_on = layer != Layer::Third || lines.is_empty() && !note.exists();
    (lines, goes_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::BEHAVIOURS;
    use std::collections::BTreeSet;

    fn ids() -> Vec<String> {
        ACTIONS.into_iter().flatten().map(|action| action.id.to_owned()).collect()
    }

    #[test]
    fn there_is_one_action_for_each_behaviour_of_the_trial() {
        let ids = ids();
        let known: BTreeSet<_> = ids.iter().map(String::as_str).collect();
        let wanted: BTreeSet<_> = BEHAVIOURS.into_iter().filter(|row| row.is_of_trial()).map(|row| row.id).collect();
        assert_eq!((known, ids.len()), (wanted.clone(), wanted.len()));
    }

    /// Those that need neither root nor what only a build brings.
    fn plain() -> Vec<String> {
        let brought = |id: &str| mounts::ACTIONS.iter().any(|action| action.id == id);
        let owned = |id: &str| owners::ACTIONS.iter().any(|action| action.id == id);
        let copied = |id: &str| ["multi-stage", "copy-context"].contains(&id);
        ids().into_iter().filter(|id| !brought(id) && !owned(id) && !copied(id)).collect()
    }

    #[test]
    fn what_is_made_and_changed_is_found_again_and_what_is_missing_is_said() {
        let root = tempfile::tempdir().expect("a directory");
        let plain = plain();
        assert!(plain.len() > 12, "{plain:?}");
        for layer in [Layer::First, Layer::Second, Layer::Third] {
            assert_eq!(run(layer, root.path(), &plain), (Vec::new(), true), "{layer:?}");
        }
        for id in &plain {
            fs::remove_dir_all(root.path().join(PLACE).join(id)).expect("remove");
        }
        let (lines, goes_on) = run(Layer::Third, root.path(), &plain);
        assert!(!goes_on);
        for id in &plain {
            assert!(lines.iter().any(|line| line.starts_with(&format!("{HEAD}{id}{BETWEEN}"))), "{id}: {lines:#?}");
        }
    }

    #[test]
    fn a_behaviour_that_failed_in_an_early_layer_ends_the_last_one() {
        let root = tempfile::tempdir().expect("a directory");
        let id = ["remove-file".to_owned()];
        let (lines, goes_on) = run(Layer::Second, root.path(), &id);
        assert!(goes_on && lines[0].starts_with("behaviour remove-file failed: remove a file of a lower layer: ENOENT, "), "{lines:?}");
        assert!(!run(Layer::Third, root.path(), &id).1);
    }
}
