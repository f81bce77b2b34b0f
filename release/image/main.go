// Makes the image of a release: an OCI layout with a manifest for each architecture, always the same bytes.
//
//	image -out DIR -programs DIR -base DIR -version 0.1.0 -revision COMMIT -epoch SECONDS
//
// DIR of -programs has ARCH/node, and DIR of -base has ARCH/*.deb (release/base.sh). What is in the image, and how it is run, is
// what Dockerfile says of its last stage: the same user, ranges of IDs, places and capabilities of files.
package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const user = 1000

// Bits of capabilities(7).
const (
	capSetgid = 6
	capSetuid = 7
)

// A file of the image.
type entry struct {
	header tar.Header
	data   []byte
}

// The files by their paths: sorted by them, they are the same archive each time.
type tree map[string]entry

func main() {
	out := flag.String("out", "", "the layout, which must not exist")
	programs := flag.String("programs", "", "ARCH/node")
	base := flag.String("base", "", "ARCH/*.deb")
	version := flag.String("version", "", "the version")
	revision := flag.String("revision", "", "the commit")
	epoch := flag.Int64("epoch", 0, "the commit's time, in seconds")
	flag.Parse()
	log.SetFlags(0)
	if _, err := os.Stat(*out); !errors.Is(err, os.ErrNotExist) {
		log.Fatalf("%s: it must not exist", *out)
	}
	created := time.Unix(*epoch, 0).UTC()
	labels := map[string]string{
		"org.opencontainers.image.title":       "buildkit-preflight",
		"org.opencontainers.image.description": "Tells whether rootless BuildKit can run on a node, and if not, why",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     *version,
		"org.opencontainers.image.revision":    *revision,
		"org.opencontainers.image.created":     created.Format(time.RFC3339),
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range []string{"amd64", "arm64"} {
		files, err := contents(filepath.Join(*programs, architecture, "node"), filepath.Join(*base, architecture))
		if err != nil {
			log.Fatal(err)
		}
		image, err := build(files, architecture, created, labels)
		if err != nil {
			log.Fatal(err)
		}
		platform := &v1.Platform{OS: "linux", Architecture: architecture}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	index = mutate.Annotations(index, labels).(v1.ImageIndex)
	written, err := layout.Write(*out, empty.Index)
	if err != nil {
		log.Fatal(err)
	}
	// `crane push` and `skopeo copy` find it by this name.
	name := map[string]string{"org.opencontainers.image.ref.name": *version}
	if err := written.AppendIndex(index, layout.WithAnnotations(name)); err != nil {
		log.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digest)
}

func contents(program, packages string) (tree, error) {
	files := tree{}
	debs, err := filepath.Glob(filepath.Join(packages, "*.deb"))
	if err != nil || len(debs) == 0 {
		return nil, fmt.Errorf("%s has no packages: %v", packages, err)
	}
	for _, deb := range debs {
		if err := files.unpack(deb); err != nil {
			return nil, fmt.Errorf("%s: %w", deb, err)
		}
	}
	node, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"dev", "proc", "sys", "run", "root", "usr/bin", "etc", "bin"} {
		files.dir(dir, 0o755, 0)
	}
	files.dir("tmp", 0o1777, 0)
	for _, dir := range []string{"home/user", "home/user/.local", "home/user/.local/share", "home/user/.local/share/buildkit"} {
		files.dir(dir, 0o755, user)
	}
	files.file("usr/bin/buildkit-preflight", node)
	// AppArmor goes by the path of the executable, so the probe is started as /usr/bin/rootlesskit, as a builder is.
	files["usr/bin/rootlesskit"] = entry{header: tar.Header{Typeflag: tar.TypeLink, Linkname: "usr/bin/buildkit-preflight", Mode: 0o755}}
	files.text("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nuser:x:1000:1000::/home/user:/sbin/nologin\n")
	files.text("etc/group", "root:x:0:\nuser:x:1000:\n")
	files.text("etc/subuid", "user:100000:65536\n")
	files.text("etc/subgid", "user:100000:65536\n")
	for name, bit := range map[string]uint{"usr/bin/newuidmap": capSetuid, "usr/bin/newgidmap": capSetgid} {
		helper, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("no package has %s", name)
		}
		helper.header.Mode = 0o755
		helper.header.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capability(bit)}
		files[name] = helper
	}
	return files, nil
}

// Keeps of a package what programs load, the two helpers, and what scanners and lawyers read.
func (files tree) unpack(deb string) error {
	content, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		return err
	}
	control, err := exec.Command("dpkg-deb", "--field", deb).Output()
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(deb), ".deb")
	files.text("var/lib/dpkg/status.d/"+name, string(control))
	reader := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		file := strings.TrimPrefix(path.Clean(header.Name), "./")
		if !isKept(file) || (header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeSymlink) {
			continue
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			return err
		}
		// No setuid bit: the helpers have a capability instead.
		kept := tar.Header{Typeflag: header.Typeflag, Linkname: header.Linkname, Mode: header.Mode & 0o755}
		files[file] = entry{header: kept, data: data}
	}
}

func isKept(file string) bool {
	switch file {
	case "usr/bin/newuidmap", "usr/bin/newgidmap":
		return true
	}
	if strings.HasPrefix(file, "usr/share/doc/") {
		return path.Base(file) == "copyright"
	}
	isLibrary := strings.HasPrefix(file, "lib/") || strings.HasPrefix(file, "lib64/") || strings.HasPrefix(file, "usr/lib/")
	return isLibrary && strings.Contains(path.Base(file), ".so") && !strings.Contains(file, "/gconv/") && !strings.Contains(file, "/audit/")
}

func (files tree) dir(name string, mode int64, owner int) {
	files[name] = entry{header: tar.Header{Typeflag: tar.TypeDir, Mode: mode, Uid: owner, Gid: owner}}
}

func (files tree) file(name string, data []byte) {
	files[name] = entry{header: tar.Header{Typeflag: tar.TypeReg, Mode: 0o755}, data: data}
}

func (files tree) text(name, text string) {
	files[name] = entry{header: tar.Header{Typeflag: tar.TypeReg, Mode: 0o644}, data: []byte(text)}
}

// One capability, permitted and effective, as the kernel keeps it with a file (vfs_cap_data, version 2).
func capability(bit uint) string {
	const version2, effective = 0x02000000, 1
	data := make([]byte, 20)
	binary.LittleEndian.PutUint32(data, version2|effective)
	binary.LittleEndian.PutUint32(data[4:], 1<<bit)
	return string(data)
}

func (files tree) archive(created time.Time) ([]byte, error) {
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := files[dir]; !ok {
				files.dir(dir, 0o755, 0)
			}
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	// A hard link follows what it links to: both are in usr/bin, in the order of the alphabet.
	sort.Strings(names)
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	for _, name := range names {
		file := files[name]
		header := file.header
		header.Name, header.Size, header.ModTime, header.Format = name, int64(len(file.data)), created, tar.FormatPAX
		if header.Typeflag == tar.TypeDir {
			header.Name += "/"
		}
		if err := writer.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(file.data); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), writer.Close()
}

func build(files tree, architecture string, created time.Time, labels map[string]string) (v1.Image, error) {
	archive, err := files.archive(created)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	at := v1.Time{Time: created}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		Architecture: architecture,
		OS:           "linux",
		Created:      at,
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:       "1000:1000",
			Env:        []string{"PATH=/usr/bin:/bin", "HOME=/home/user", "USER=user"},
			Entrypoint: []string{"/usr/bin/buildkit-preflight"},
			Cmd:        []string{"agent"},
			Labels:     labels,
		},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: at, CreatedBy: "release/image"}})
}
