//! Ways to run buildkitd: [`PROFILES`] is the table of them.

mod difference;
mod shape;
mod table;

pub use difference::{Difference, Pair};
pub use shape::{Capabilities, Confinement, Directory, ProcMount, Shape, Storage};
pub use table::{
    BUILDER_UID, PROFILES, Profile, Prover, ROOTFUL_RUNTIME, ROOTFUL_STATE, ROOTLESS_RUNTIME, ROOTLESS_STATE, ROOTLESS_TEMPORARY, Row,
};

use crate::fact::{Asked, Builder, Plan};
use std::fmt;
use std::str::FromStr;

/// Where an agent answers about itself, unless another address is named.
pub const AGENT_PORT: u16 = 8080;

impl Profile {
    /// All profiles, the default one first.
    pub const ALL: [Profile; PROFILES.len()] = all();

    /// All profiles, the best first.
    pub const BY_RANK: [Profile; PROFILES.len()] = by_rank();

    /// Those that only a pod of another kind than the default profile's can prove.
    pub const CANARIES: [Profile; canary_count()] = canaries();

    /// Its row of the table.
    pub fn row(self) -> &'static Row {
        &PROFILES[self as usize]
    }

    /// What its builder's pod asks for.
    pub fn shape(self) -> &'static Shape {
        &self.row().shape
    }

    /// The id: `no-process-sandbox`.
    pub fn id(self) -> &'static str {
        self.row().id
    }

    /// What a builder of this profile does.
    pub fn plan(self) -> Plan {
        Plan { builder: self.row().builder, process_sandbox: self.shape().process_sandbox }
    }

    /// What the manifest of its pod asks for.
    pub fn asked(self) -> Asked {
        let shape = self.shape();
        Asked {
            unconfined: shape.privileged || [&shape.seccomp, &shape.apparmor].iter().all(|field| **field == Some(Confinement::Unconfined)),
            user_namespace: !shape.host_users,
            unmasked_proc: shape.privileged || shape.proc_mount == ProcMount::Unmasked,
        }
    }

    /// The user that its container runs as.
    pub fn uid(self) -> u32 {
        self.shape().user
    }

    /// Whether its pod has a user namespace (`hostUsers: false`).
    pub fn has_pod_user_namespace(self) -> bool {
        !self.shape().host_users
    }

    /// Whether buildkitd runs in a user namespace: rootlesskit's, or that of the pod.
    pub fn is_in_user_namespace(self) -> bool {
        self.row().builder == Builder::Rootless || self.has_pod_user_namespace()
    }

    /// Whether rootlesskit makes its user namespace within that of the pod, so that newuidmap may map no other IDs than the pod's.
    pub fn has_nested_ids(self) -> bool {
        self.row().builder == Builder::Rootless && self.has_pod_user_namespace()
    }

    /// Whether builders are sent only where a pod has proven it; the others are sent wherever no fact speaks against them.
    pub fn needs_proof(self) -> bool {
        self.row().prover != Prover::OptionalCanary
    }

    /// Whether a pod of another kind than the agent's on each node proves it.
    pub fn has_canary(self) -> bool {
        self.row().prover != Prover::Agent
    }

    /// Whether its container is privileged: no seccomp, no AppArmor, no masks, all capabilities.
    pub fn is_privileged(self) -> bool {
        self.shape().privileged
    }
}

const fn all() -> [Profile; PROFILES.len()] {
    let mut all = [Profile::NoProcessSandbox; PROFILES.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = PROFILES[at].profile;
        assert!(all[at] as usize == at, "the rows stand in the order of the variants");
        at += 1;
    }
    all
}

const fn by_rank() -> [Profile; PROFILES.len()] {
    let mut all = [Profile::NoProcessSandbox; PROFILES.len()];
    let mut at = 0;
    while at < all.len() {
        all[PROFILES[at].rank - 1] = PROFILES[at].profile;
        at += 1;
    }
    all
}

const fn canary_count() -> usize {
    let (mut count, mut at) = (0, 0);
    while at < PROFILES.len() {
        count += !matches!(PROFILES[at].prover, Prover::Agent) as usize;
        at += 1;
    }
    count
}

const fn canaries() -> [Profile; canary_count()] {
    let mut canaries = [Profile::NoProcessSandbox; canary_count()];
    let (mut count, mut at) = (0, 0);
    while at < PROFILES.len() {
        if !matches!(PROFILES[at].prover, Prover::Agent) {
            canaries[count] = PROFILES[at].profile;
            count += 1;
        }
        at += 1;
    }
    canaries
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let found = Profile::ALL.into_iter().find(|profile| profile.id() == id);
        found.ok_or_else(|| format!("unknown profile (one of {})", Profile::ALL.map(Profile::id).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_read_back_and_what_serde_writes() {
        for profile in Profile::ALL {
            assert_eq!(profile.id().parse(), Ok(profile));
            assert_eq!(serde_json::to_value(profile).expect("a string"), profile.id());
        }
        assert!("sandbox".parse::<Profile>().is_err());
    }

    #[test]
    fn the_table_is_complete_and_each_row_has_its_own_id_and_rank() {
        let schema = schemars::schema_for!(Profile).to_value();
        let variants = schema["oneOf"].as_array().expect("one for each variant").len();
        let ids: BTreeSet<_> = PROFILES.iter().map(|row| row.id).collect();
        let ranks: Vec<_> = Profile::BY_RANK.map(|profile| profile.row().rank).to_vec();
        assert_eq!((PROFILES.len(), ids.len()), (variants, variants));
        assert_eq!(ranks, (1..=variants).collect::<Vec<_>>());
        assert_eq!(PROFILES.iter().filter(|row| row.prover == Prover::Agent).count(), 1, "the default one");
        assert_eq!(PROFILES[0].prover, Prover::Agent, "the default one is the first");
    }

    #[test]
    fn a_builder_is_what_its_shape_lets_it_be() {
        for row in PROFILES {
            let (shape, asked) = (&row.shape, row.profile.asked());
            let rootful = row.builder == Builder::Rootful;
            assert_eq!((shape.user == 0, shape.group == 0), (rootful, rootful), "{}", row.id);
            assert_eq!(shape.state.path, if rootful { ROOTFUL_STATE } else { ROOTLESS_STATE }, "{}", row.id);
            assert_eq!((shape.state.storage, shape.runtime.storage), (Storage::EmptyDir, Storage::Root), "{}", row.id);
            assert_eq!(row.profile.plan(), Plan { builder: row.builder, process_sandbox: shape.process_sandbox });
            assert_eq!(asked.unconfined, row.profile != Profile::Baseline, "{}: neither seccomp nor AppArmor", row.id);
            assert_eq!(asked.unmasked_proc, shape.process_sandbox, "{}: a fresh /proc wants one without masks", row.id);
            assert_eq!(asked.user_namespace, !shape.host_users, "{}", row.id);
        }
    }
}
