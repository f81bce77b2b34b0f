//! Sources of a Build.

use super::container::container;
use crate::build::fields::{Cursor, Fields};
use crate::build::model::{Fetch, Source};
use crate::yaml::{Invalid, Spot};

/// `source` or `sources`, not both.
pub(super) fn sources(spec: &Fields<'_>) -> Result<Vec<Source>, Invalid> {
    let list = spec.list("sources")?;
    match (spec.get("source"), list.first()) {
        (Some(_), Some(many)) => {
            let spot = Spot { path: spec.spot.path.clone(), ..many.spot.clone() };
            Err(spot.invalid("`source` and `sources` exclude each other"))
        }
        (Some(one), None) => Ok(vec![source(&one)?]),
        (None, _) => list.iter().map(source).collect(),
    }
}

fn source(cursor: &Cursor<'_>) -> Result<Source, Invalid> {
    let fields = cursor.fields(&["git", "gcs", "custom", "name", "subPath", "targetPath"])?;
    if let Some(gcs) = fields.get("gcs") {
        let hint = "fetch it with a `custom` source: a container of yours that writes to /workspace";
        return Err(gcs.spot.invalid("sources of kind `gcs` are not supported").hint(hint));
    }
    let fetch = match (fields.get("git"), fields.get("custom")) {
        (Some(git), None) => git_source(&git)?,
        (None, Some(custom)) => Fetch::Custom(container(&custom)?),
        (Some(_), Some(custom)) => return Err(custom.spot.invalid("a source has either `git` or `custom`, not both")),
        (None, None) => return Err(cursor.spot.invalid("a source needs `git` or `custom`")),
    };
    Ok(Source {
        name: fields.word("name")?,
        fetch,
        sub_path: fields.word("subPath")?,
        target_path: fields.word("targetPath")?,
        spot: cursor.spot.clone(),
    })
}

fn git_source(cursor: &Cursor<'_>) -> Result<Fetch, Invalid> {
    let fields = cursor.fields(&["url", "revision"])?;
    let word = |name: &str| fields.need(name)?.word();
    Ok(Fetch::Git { url: word("url")?, revision: word("revision")? })
}
