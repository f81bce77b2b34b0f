// Profiles prints, as one JSON object, the security settings that container
// runtimes give a container by default: for each set of capabilities that the
// container tests use, the set itself and the seccomp profiles of containerd
// and of CRI-O that go with it. Both come from the packages that the runtimes
// themselves build with, so they can't drift from what a node does.
//
// With the argument "apparmor" it prints containerd's AppArmor profile in place
// of that. What the profile includes depends on /etc/apparmor.d: run it where
// the profile is to be loaded.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/containerd/containerd/v2/contrib/apparmor"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	crio "github.com/containers/common/pkg/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Settings are what one set of capabilities leads to.
type Settings struct {
	Capabilities []string            `json:"capabilities"`
	Containerd   *specs.LinuxSeccomp `json:"containerd"`
	Crio         *specs.LinuxSeccomp `json:"crio"`
}

// The bounding sets: containerd's and CRI-O's defaults, and what is left of
// them with `capabilities: {add: [SYS_ADMIN]}`, and `{drop: [ALL]}` with and without `add`.
var sets = map[string][]string{
	"containerd": {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
		"CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
		"CAP_KILL", "CAP_AUDIT_WRITE"},
	"crio": {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_KILL"},
	"add-sys-admin": {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
		"CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
		"CAP_KILL", "CAP_AUDIT_WRITE", "CAP_SYS_ADMIN"},
	"drop-all":         {},
	"drop-all-add-ids": {"CAP_SETUID", "CAP_SETGID"},
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "apparmor" {
		text, err := apparmor.DumpDefaultProfile("cri-containerd.apparmor.d")
		if err != nil {
			fmt.Fprintf(os.Stderr, "profiles: containerd's AppArmor profile: %v\n", err)
			os.Exit(1)
		}
		fmt.Print(text)
		return
	}
	all := map[string]Settings{}
	for name, caps := range sets {
		spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
		profile, err := crio.GetDefaultProfile(spec)
		if err != nil {
			fmt.Fprintf(os.Stderr, "profiles: CRI-O's default seccomp profile for %s: %v\n", name, err)
			os.Exit(1)
		}
		all[name] = Settings{caps, seccomp.DefaultProfile(spec), profile}
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		fmt.Fprintf(os.Stderr, "profiles: standard output: %v\n", err)
		os.Exit(1)
	}
}
