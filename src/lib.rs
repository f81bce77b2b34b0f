//! Tells whether rootless BuildKit can run on a node, and if not, why.
//!
//! A node can run rootless buildkitd or it can't, for some thirty reasons, and what the builder prints
//! is an errno. This crate reads what can be read of the node, does in a child process what rootlesskit,
//! runc and BuildKit do, and names the cause of the step that fails.
//!
//! Data flows one way:
//!
//! ```text
//!  the node                                                                     people, programs
//!     │                                                                                ▲
//!     ▼                                                                                │
//!  read, attempt ──► Facts ──► check ──► Verdict, Findings ─┬► report (with remedy) ───┘
//!  files, probe      plain     a table   ready, not ready,  │  table, JSON, YAML
//!  (gather)          values    (pure)    unknown            │
//!                      ▲                                    └► publish ──► api ──► the Node object
//!                      │                                       labels,     one apply
//!                      │                                       condition,  │
//!                      └──────────────────── node ◄─────────── event  ◄────┘ what the kubelet says
//! ```
//!
//! Each floor stands on those below it alone:
//!
//! * [`fact`]: what can be known. Each [`fact::Fact`] is known, absent, denied or failed: not being able
//!   to read is never the same as a bad value. A probe's steps are facts too.
//! * [`profile`]: the ways to run buildkitd. [`cause`]: why a builder can't run, and what removes that.
//! * [`check`]: one table of checks, in the order in which the kernel comes to what they look at, and [`check::judge`], which
//!   turns facts into a verdict. What was tried outranks what was read.
//! * [`explain`]: the messages of rootlesskit, BuildKit, runc, runtimes and the API server, and the causes that they speak of.
//! * [`read`]: files below a root (this machine, or a captured tree). [`attempt`]: one child process that does what a builder
//!   does and tells each step; on demand a real build. [`mod@gather`] asks both: the only readers of the host.
//! * [`node`]: what stands on a Node, under which names, and with the facts an [`node::Observation`], which verdicts are made on
//!   once. [`publish`]: the answer as what should stand there, said by one speaker for each subject: labels,
//!   conditions, events. [`fleet`]: where builders can be scheduled, by the labels of all nodes.
//! * [`mod@pod`]: the builders that people have: which container of an object runs buildkitd, and what of it stops that everywhere.
//! * [`admission`]: whether a cluster would let a builder's pod be made as it is, by what it answers to a dry run.
//! * [`tune`]: sets sysctls, where it was told to: the only writer to the host. Its plan changes nothing.
//! * [`report`]: the answer as a value with a schema, and as a table for people; the reference pages of docs/. [`render`]:
//!   manifests; what the agent may write and what it writes come from the same names. [`mod@build`]: a Build of Knative as a Job. [`api`]: the only one that talks to Kubernetes.
//! * [`agent`]: proves, publishes, and watches for what could make the answer untrue. One in the default profile's shape on every
//!   node; canaries in the shapes of `procmount` and `userns` where such pods would start.
//! * [`cli`]: the commands: gather, judge, print.
//!
//! The middle is pure: no file, no clock, no environment, no system call; a test reads the sources of a list of places
//! (`tests/purity.rs`) and fails if one creeps in. So `check --facts FILE` gives anywhere the answer that `check` gave on the
//! node, and every report from a user is a test case.

#[cfg(feature = "cli")]
pub mod admission;
pub mod agent;
pub mod api;
pub mod attempt;
pub mod behaviour;
#[cfg(feature = "cli")]
pub mod build;
pub mod cause;
pub mod check;
pub mod cli;
pub mod explain;
pub mod fact;
#[cfg(feature = "cli")]
pub mod fleet;
#[cfg(all(feature = "cli", any(test, feature = "fuzzing")))]
#[doc(hidden)]
pub mod fuzzing;
pub mod gather;
pub mod node;
#[cfg(feature = "cli")]
pub mod pod;
pub mod profile;
pub mod publish;
pub mod read;
#[cfg(feature = "cli")]
pub mod render;
pub mod report;
mod text;
pub mod tune;
#[cfg(feature = "cli")]
mod yaml;
