//! Facts for others to read: names of people's own are replaced, and the judge's answer stays the same.
//!
//! Each type is taken apart with all its fields named, so a new fact does not compile before somebody has decided on it here.

mod names;
mod text;

use super::{
    AppArmor, Capacity, Cgroup, Directory, End, Fact, Facts, Helper, Kubelet, OwnPod, Probe, Problem, ProcFs, Process, RuntimeHandler,
    Selinux, StateDir, StepResult, SubIds, SysctlSetting, Sysctls, Tools, Trial, TrialEnd, Tuned, UserEntry, Why,
};
use names::{Kind, Names};
#[cfg(feature = "cli")]
use std::collections::BTreeMap;

impl Facts {
    /// Without the names of people's own: of nodes, hosts, users, files, addresses, profiles, and values of labels. One name has one
    /// placeholder. All profiles are judged as before.
    pub fn redacted(mut self) -> Self {
        let mut found = Found::default();
        found.facts(&mut self);
        let Found { mut names, texts } = found;
        for text in texts {
            let (text, is_reason) = match text {
                Text::Reason(text) => (text, true),
                Text::Words(text) => (text, false),
            };
            *text = names.text(text, is_reason);
        }
        self
    }
}

/// The same for what is no fact, such as a report on many nodes: first the names are given, then the texts that may repeat them.
#[cfg(feature = "cli")]
#[derive(Debug, Default)]
pub struct Redaction {
    names: Names,
    texts: BTreeMap<String, String>,
}

#[cfg(feature = "cli")]
impl Redaction {
    /// What stands for a node's name.
    pub fn node(&mut self, name: &str) -> String {
        self.names.of(Kind::Node, name)
    }

    /// What stands for the name of a cluster or a server.
    pub fn host(&mut self, name: &str) -> String {
        self.names.of(Kind::Host, name)
    }

    /// What stands for the value of a label, or for another word of people's own.
    pub fn value(&mut self, value: &str) -> String {
        self.names.of(Kind::Value, value)
    }

    /// A text without the names that were given before it, and without what looks like one. What is said of many is looked at once.
    pub fn text(&mut self, text: &str) -> String {
        if let Some(shown) = self.texts.get(text) {
            return shown.clone();
        }
        let shown = self.names.text(text, false);
        self.texts.insert(text.to_owned(), shown.clone());
        shown
    }
}

/// A text that may speak of anything.
enum Text<'a> {
    /// Why a fact is not known: it quotes what was read.
    Reason(&'a mut String),
    /// The words of another program.
    Words(&'a mut String),
}

/// What stands in facts: names, which are replaced where they are found, and texts, which come last, when all names are known.
#[derive(Default)]
struct Found<'a> {
    names: Names,
    texts: Vec<Text<'a>>,
}

impl<'a> Found<'a> {
    fn facts(&mut self, facts: &'a mut Facts) {
        let Facts {
            api_version: _,
            kind: _,
            gathered_at,
            booted_at,
            node,
            os,
            kernel,
            boot_arguments,
            kernel_config,
            user_namespaces,
            user_namespaces_in_use,
            keys,
            security_modules,
            selinux,
            dev_net_tun,
            cgroup,
            container,
            sysctls,
            sysctl_files,
            process,
            apparmor,
            proc_fs,
            state_dir,
            dev_fuse,
            tools,
            newuidmap,
            newgidmap,
            sub_ids,
            kubelet,
            node_ids,
            tuned,
            capacity,
            own_pod,
            probes,
            trials,
        } = facts;
        self.plain(gathered_at);
        self.plain(booted_at);
        self.each(node, |found, node| *node = found.names.of(Kind::Node, node));
        self.plain(os);
        self.plain(kernel);
        // Of the boot arguments only those that a builder may come to feel.
        self.plain(boot_arguments);
        self.plain(kernel_config);
        self.plain(user_namespaces);
        self.plain(user_namespaces_in_use);
        self.plain(keys);
        self.plain(security_modules);
        let Selinux { mode, decides_user_namespaces, container_use_devices } = selinux;
        self.plain(mode);
        [decides_user_namespaces, container_use_devices, dev_net_tun].into_iter().for_each(|fact| self.plain(fact));
        let Cgroup { version, writable } = cgroup;
        self.plain(version);
        self.plain(writable);
        self.plain(container);
        self.sysctls(sysctls);
        self.each(sysctl_files, |found, settings| {
            for SysctlSetting { file, sysctl: _, value: _ } in settings {
                found.path(file);
            }
        });
        self.process(process);
        self.apparmor(apparmor);
        self.each(proc_fs, |found, ProcFs { masks, complete_elsewhere: _ }| masks.iter_mut().for_each(|mask| found.path(mask)));
        self.state_dir(state_dir);
        self.plain(dev_fuse);
        self.tools(tools);
        for helper in [newuidmap, newgidmap] {
            self.each(helper, |found, Helper { path, setuid: _, file_capability: _, nosuid: _ }| found.path(path));
        }
        self.sub_ids(sub_ids);
        self.kubelet(kubelet);
        self.plain(node_ids);
        self.each(tuned, Self::tuned);
        let Capacity { cpus, memory_bytes, memory_available_bytes } = capacity;
        [cpus, memory_bytes, memory_available_bytes].into_iter().for_each(|fact| self.plain(fact));
        if let Some(pod) = own_pod {
            self.own_pod(pod);
        }
        probes.iter_mut().for_each(|probe| self.probe(probe));
        trials.iter_mut().for_each(|trial| self.trial(trial));
    }

    /// A fact whose value names nothing of people's own. The reason why it is not known may.
    fn plain<T>(&mut self, fact: &'a mut Fact<T>) {
        self.each(fact, |_, _| ());
    }

    /// A fact, with what is to be done with its value.
    fn each<T>(&mut self, fact: &'a mut Fact<T>, replace: impl FnOnce(&mut Self, &'a mut T)) {
        match fact {
            Fact::Known(value) => replace(self, value),
            Fact::Absent => {}
            Fact::Denied(Why { what, errno: _ }) | Fact::Failed(Why { what, errno: _ }) => self.texts.push(Text::Reason(what)),
        }
    }

    fn path(&mut self, path: &mut String) {
        *path = self.names.path(path);
    }

    fn user(&mut self, name: &mut String) {
        *name = self.names.user(name);
    }

    fn sysctls(&mut self, sysctls: &'a mut Sysctls) {
        sysctls.each_mut().for_each(|fact| self.plain(fact));
    }

    fn process(&mut self, process: &'a mut Process) {
        let is_selinuxs = process.selinux_type().is_some();
        let Process {
            uid,
            pid_namespace,
            ipc_namespace,
            uid_map,
            gid_map,
            seccomp,
            no_new_privs,
            bounding_set,
            lsm_label,
            asked_unconfined,
            asked_user_namespace,
            asked_unmasked_proc,
            max_processes,
            root_propagation,
        } = process;
        self.plain(max_processes);
        self.plain(root_propagation);
        self.plain(uid);
        [pid_namespace, ipc_namespace].into_iter().for_each(|fact| self.plain(fact));
        [uid_map, gid_map].into_iter().for_each(|fact| self.plain(fact));
        self.plain(seccomp);
        self.plain(no_new_privs);
        self.plain(bounding_set);
        self.each(lsm_label, |found, label| *label = found.names.label(label, is_selinuxs));
        [asked_unconfined, asked_user_namespace, asked_unmasked_proc].into_iter().for_each(|fact| self.plain(fact));
    }

    fn apparmor(&mut self, AppArmor { loaded, files }: &'a mut AppArmor) {
        self.each(loaded, |found, names| names.iter_mut().for_each(|name| *name = found.names.profile(name)));
        self.each(files, |found, files| files.iter_mut().for_each(|file| found.path(file)));
    }

    fn state_dir(&mut self, state_dir: &'a mut StateDir) {
        let StateDir { path, is_stand_in: _, snapshotter: _, file_system, flags, free_bytes, free_inodes } = state_dir;
        self.each(path, Self::path);
        self.plain(file_system);
        self.plain(flags);
        [free_bytes, free_inodes].into_iter().for_each(|fact| self.plain(fact));
    }

    fn tools(&mut self, tools: &'a mut Tools) {
        let Tools { rootlesskit, buildkitd, buildctl, fuse_overlayfs, mount_fuse3 } = tools;
        for tool in [rootlesskit, buildkitd, buildctl, fuse_overlayfs, mount_fuse3] {
            self.each(tool, Self::path);
        }
    }

    fn sub_ids(&mut self, SubIds { user, uid, gid, uids, gids }: &'a mut SubIds) {
        self.each(user, Self::user);
        [uid, gid].into_iter().for_each(|fact| self.plain(fact));
        [uids, gids].into_iter().for_each(|fact| self.plain(fact));
    }

    fn kubelet(&mut self, kubelet: &'a mut Kubelet) {
        let Kubelet { version, runtime, pod_user_namespaces, runtime_handlers, declared_features, in_user_namespace } = kubelet;
        self.each(runtime_handlers, |found, handlers| {
            for RuntimeHandler { name, user_namespaces: _, recursive_read_only_mounts: _ } in handlers {
                *name = found.names.handler(name);
            }
        });
        self.plain(declared_features);
        self.plain(version);
        self.plain(runtime);
        [pod_user_namespaces, in_user_namespace].into_iter().for_each(|fact| self.plain(fact));
    }

    fn tuned(&mut self, tuned: &'a mut Tuned) {
        let Tuned { api_version: _, kind: _, boot_id, changes: _, persisted: _, problem } = tuned;
        *boot_id = self.names.of(Kind::Boot, boot_id);
        if let Some(Problem { reason: _, message, at: _ }) = problem {
            self.texts.push(Text::Words(message));
        }
    }

    fn own_pod(&mut self, pod: &'a mut OwnPod) {
        let OwnPod { group, user_entry, user, home, temp_dir, tmp, runtime_dir, state_dir } = pod;
        self.plain(group);
        self.each(user_entry, |found, UserEntry { name, group: _, home }| {
            found.user(name);
            home.iter_mut().for_each(|home| found.path(home));
        });
        self.each(user, Self::user);
        for directory in [home, temp_dir, tmp, runtime_dir, state_dir] {
            self.each(directory, |found, Directory { path, parent, owner: _, group: _, on_root: _, refused: _ }| {
                found.path(path);
                parent.iter_mut().for_each(|parent| found.path(parent));
            });
        }
    }

    fn probe(&mut self, Probe { plan: _, executable, uid: _, map_source: _, end, steps }: &'a mut Probe) {
        self.path(executable);
        match end {
            End::Completed | End::TimedOut(_) | End::Killed { signal: _, step: _ } => {}
            End::NotRun(why) => self.texts.push(Text::Words(why)),
        }
        steps.iter_mut().for_each(|step| self.step(step));
    }

    fn step(&mut self, StepResult { step: _, outcome: _, errno: _, detail, filtered: _, micros: _ }: &'a mut StepResult) {
        self.texts.extend(detail.iter_mut().map(Text::Words));
    }

    fn trial(&mut self, Trial { plan: _, end, snapshotter: _, millis: _ }: &'a mut Trial) {
        match end {
            TrialEnd::Built | TrialEnd::TimedOut(_) => {}
            TrialEnd::Failed { stage: _, step, error, behaviours: _ } => {
                step.iter_mut().for_each(|step| self.step(step));
                self.texts.push(Text::Words(error));
            }
            TrialEnd::NotRun(why) => self.texts.push(Text::Words(why)),
        }
    }
}

#[cfg(test)]
mod tests;
