//! Tells whether rootless BuildKit can run on a node, and if not, why.
//!
//! A node can run rootless buildkitd or it can't, for some thirty reasons, and what the builder prints
//! is an errno. This crate reads what can be read of the node, does in a child process what rootlesskit,
//! runc and BuildKit do, and names the cause of the step that fails.
//!
//! Data flows one way:
//!
//! ```text
//!  the node                                                             people, programs
//!     │                                                                        ▲
//!     ▼                                                                        │
//!  gather ──► Facts ──► check ──► Verdict, Findings ─┬► report (with remedy) ──┘
//!  files,     plain     a table    ready, not ready, │  table, JSON, YAML
//!  probe      values    of checks  unknown           │
//!               ▲       (pure)                       └► publish ──► api ──► the Node object
//!               │                                       labels,     one apply
//!               │                                       condition,  │
//!               └────────────────────────────────────── event ◄─────┘ what the kubelet says
//! ```
//!
//! * [`fact`]: what can be known. Each [`fact::Fact`] is known, absent, denied or failed: not being able
//!   to read is never the same as a bad value. A probe's steps are facts too.
//! * [`gather`]: the only reader of the host. Files below a root (this machine, or a captured tree), and
//!   [`gather::probe`], one child process that does what a builder does and tells each step; on demand a real build.
//!   [`gather::prover`] does all that for another container of the same pod.
//! * [`check`]: one table of checks, in the order in which the kernel comes to what they look at; profiles;
//!   and [`check::judge`], which turns facts into a verdict. What was tried outranks what was read.
//! * [`remedy`]: what removes a cause on this operating system, and which sysctls could be set for it. Plans, they change nothing.
//! * [`tune`]: sets those sysctls, where it was told to: the only writer to the host.
//! * [`report`]: the answer as a value with a schema, and as a table for people.
//! * [`publish`]: the answer as what should stand on the Node: labels, conditions, events.
//! * [`admission`]: whether a cluster would let a builder's pod be made as it is, by what it answers to a dry run.
//! * [`api`]: the only one that talks to Kubernetes.
//! * [`agent`]: proves, publishes, and watches for what could make the answer untrue. One in the default profile's shape on every
//!   node; canaries in the shapes of `procmount` and `userns` where such pods would start.
//! * [`render`]: manifests; what the agent may write and what it writes come from the same names.
//! * [`cli`]: the commands: gather, judge, print.
//!
//! The middle (`fact`, `check`, `remedy`, `report`, `publish`, `render`, `admission`) is pure: no file, no clock, no environment,
//! no system call; a test reads their sources and fails if one creeps in. So `check --facts FILE` gives anywhere the
//! answer that `check` gave on the node, and every report from a user is a test case.

pub mod admission;
pub mod agent;
pub mod api;
pub mod check;
pub mod cli;
pub mod fact;
pub mod gather;
pub mod publish;
pub mod remedy;
pub mod render;
pub mod report;
pub mod tune;
