//! The subordinate IDs of a builder in a pod with a user namespace.

use super::options::{BuilderOptions, ImageUser};
use crate::fact::SubId;
use crate::render::sub_ids::{self, LEAST_POD_IDS, NoRange};

/// The ranges of subordinate IDs that a builder's pod needs files for.
pub(super) struct SubIds {
    pub(super) uids: Vec<SubId>,
    pub(super) gids: Vec<SubId>,
}

impl SubIds {
    /// None where the image's own files do.
    pub(super) fn of(options: &BuilderOptions) -> Result<Option<Self>, NoRange> {
        // Of another user's image nobody knows what its files say.
        let stock = SubId::STOCK.start + SubId::STOCK.length;
        let image_fits = options.user == ImageUser::default() && u64::from(options.ids) >= stock;
        if !options.profile.has_nested_ids() || image_fits {
            return Ok(None);
        }
        let ranges = |own| sub_ids::ranges(options.ids, own);
        Ok(Some(SubIds { uids: ranges(options.user.uid)?, gids: ranges(options.user.gid)? }))
    }

    /// The highest ID of a build step's files.
    fn highest(&self) -> u64 {
        sub_ids::mapped(&self.uids).min(sub_ids::mapped(&self.gids)) - 1
    }

    /// What images can't be unpacked.
    pub(super) fn unpacked(&self) -> Option<String> {
        let (highest, missing) = (self.highest(), self.highest() + 1);
        (missing < LEAST_POD_IDS.into()).then(|| {
            let who = match highest {
                65_534.. => "nobody (65534) among them",
                65_532.. => "distroless's nonroot (65532) among them, but not nobody (65534)",
                _ => "neither nobody (65534) nor distroless's nonroot (65532) among them",
            };
            format!(
                "build steps have the IDs 0 to {highest}, {who}. An image with files of user or group {missing} or above can't be unpacked (lchown: invalid argument)"
            )
        })
    }
}
