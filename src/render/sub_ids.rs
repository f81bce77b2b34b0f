//! Which IDs a builder can map inside of a pod that has a user namespace.

use crate::fact::SubId;

/// How many IDs Kubernetes gives each pod with a user namespace at least (KubeletConfiguration, userNamespaces.idsPerPod).
pub const LEAST_POD_IDS: u32 = 65_536;

/// A distribution's own users and groups go up to 999 (SYS_UID_MAX of login.defs): with fewer IDs no usual base image can be
/// unpacked.
const FEWEST: u64 = 1_000;

/// Why no range of IDs fits a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRange {
    /// Its user or group is root.
    #[error("a rootless builder's user is not root")]
    Root,
    /// The pod does not have its user or group.
    #[error("the pod has no user or group {own}: it has {ids} IDs, counted from 0")]
    Outside {
        /// The builder's own ID.
        own: u32,
        /// How many IDs the pod has.
        ids: u32,
    },
    /// Too few are left for a usual image.
    #[error("{ids} IDs leave the builder {left}, but a usual base image has users up to 999")]
    Few {
        /// How many IDs the pod has.
        ids: u32,
        /// How many of them the builder would have.
        left: u64,
    },
}

/// The ranges for one kind of ID in a pod that has the IDs 0 to `ids` - 1; `own` is the builder's.
///
/// That is all of them but two. The own ID becomes root of the builder's namespace, and newuidmap refuses an ID twice. The pod's
/// root can't be mapped without CAP_SETFCAP, which newuidmap does not have (verify_root_map in kernel/user_namespace.c, Linux
/// 5.12), and should not be lent to a build step. The others make two ranges, below and above the own ID, which rootlesskit maps
/// one after the other. The upper one alone would be simpler, but for user 1000 in 65,536 IDs it ends at 64,535 inside of the
/// builder: short of nobody (65534) and of distroless's nonroot (65532), which real images use. Both reach 65,534.
///
/// # Errors
/// Says why no range fits.
pub(super) fn ranges(ids: u32, own: u32) -> Result<Vec<SubId>, NoRange> {
    if own == 0 {
        return Err(NoRange::Root);
    }
    if own >= ids {
        return Err(NoRange::Outside { own, ids });
    }
    let all = SubId { start: 1, length: u64::from(ids) - 1 };
    let ranges = SubId::without(&[all], own.into());
    match mapped(&ranges) {
        left if left < FEWEST => Err(NoRange::Few { ids, left }),
        _ => Ok(ranges),
    }
}

/// How many IDs the builder's namespace has with these ranges: the own one comes first.
pub(super) fn mapped(ranges: &[SubId]) -> u64 {
    1 + ranges.iter().map(|range| range.length).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{IdMap, IdRange};
    use proptest::prelude::*;

    fn text(ids: u32, own: u32) -> Vec<String> {
        ranges(ids, own).expect("ranges").iter().map(SubId::to_string).collect()
    }

    #[test]
    fn all_ids_of_the_pod_but_its_root_and_the_own_one() {
        assert_eq!(text(65_536, 1000), ["1:999", "1001:64535"]);
        assert_eq!(text(131_072, 1000), ["1:999", "1001:130071"]);
        assert_eq!(text(65_536, 1), ["2:65534"]);
        assert_eq!(text(65_536, 65_535), ["1:65534"]);
        assert_eq!(mapped(&ranges(65_536, 1000).expect("ranges")), 65_535, "0 to 65534, nobody included");
        for (ids, own, why) in [
            (65_536, 65_536, "no user or group 65536: it has 65536 IDs, counted from 0"),
            (65_536, 100_000, "user or group 100000"),
            (65_536, 0, "not root"),
            (1_000, 500, "leave the builder 999"),
            (0, 1, "no user or group 1: it has 0 IDs"),
        ] {
            assert!(ranges(ids, own).expect_err("none fits").to_string().contains(why), "{ids} {own}");
        }
        assert!(ranges(1_001, 500).is_ok());
    }

    proptest! {
        #[test]
        fn a_range_is_within_the_pod_and_has_neither_the_own_id_nor_root(ids in 0u32.., own in 0u32..200_000) {
            let pod = IdMap(vec![IdRange { inside: 0, outside: 1 << 31, length: ids }]);
            for range in ranges(ids, own).unwrap_or_default() {
                prop_assert!(pod.contains(&range), "{range}");
                prop_assert!(!(range.start..range.start + range.length).contains(&own.into()) && range.start > 0);
            }
        }
    }
}
