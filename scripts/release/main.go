// Command release builds the archives of a release: the same bytes from every clone
// of one commit, by whoever has the same version of Go.
//
//	go run ./scripts/release -version v1.0.0 -commit 1a2b3c4 -time 1767225600 [-out DIR] [SYSTEM ...]
//
// An archive holds the program, the licence, what is new, and the man pages of -man.
// Beside it lies its bill of materials, and SHA256SUMS has the sums of all.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// systems are those of a release.
var systems = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "darwin/amd64", "windows/amd64"}

// release is what all archives have in common.
type release struct {
	version, commit string    // as the program prints them
	out, man        string    // folders
	time            time.Time // that of the commit, in every archive
}

func main() {
	var r release
	flag.StringVar(&r.version, "version", "dev", "as the program prints it")
	flag.StringVar(&r.commit, "commit", "unknown", "as the program prints it")
	flag.StringVar(&r.out, "out", "bin/release", "where the archives go")
	flag.StringVar(&r.man, "man", "", "a folder of man pages (make man)")
	seconds := flag.Int64("time", 0, "the commit's, in seconds since 1970")
	flag.Parse()
	r.time = time.Unix(*seconds, 0).UTC()
	wanted := systems
	if flag.NArg() > 0 {
		wanted = flag.Args()
	}
	if err := r.build(wanted); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

// build writes an archive and a bill of materials for each system, and their sums.
func (r release) build(wanted []string) error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	var made []string
	for _, system := range wanted {
		files, err := r.one(system)
		if err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
		made = append(made, files...)
	}
	slices.Sort(made)
	var sums strings.Builder
	for _, file := range made {
		text, err := os.ReadFile(filepath.Join(r.out, file))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), file)
	}
	fmt.Print(sums.String())
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// one builds for one system, and returns the names of what is to be published.
func (r release) one(system string) ([]string, error) {
	goos, goarch, _ := strings.Cut(system, "/")
	name := fmt.Sprintf("sidecar_%s_%s_%s", strings.TrimPrefix(r.version, "v"), goos, goarch)
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	program := filepath.Join(scratch, "sidecar")
	if goos == "windows" {
		program += ".exe"
	}
	if err := run("GOOS="+goos+" GOARCH="+goarch, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "nethttpomithttp2",
		"-ldflags", fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s", r.version, r.commit), "-o", program, "./cmd/sidecar"); err != nil {
		return nil, err
	}
	bill := name + ".cdx.json"
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return nil, err
	}
	if err := r.bill(filepath.Join(r.out, bill), program); err != nil {
		return nil, err
	}
	files := []file{{filepath.Base(program), program, 0o755}}
	for _, text := range []string{"CHANGELOG.md", "LICENSE", "README.md"} {
		files = append(files, file{text, text, 0o644})
	}
	if r.man != "" && goos != "windows" {
		pages, err := filepath.Glob(filepath.Join(r.man, "*.1"))
		if err != nil || len(pages) == 0 {
			return nil, fmt.Errorf("no man pages in %s: make man (%v)", r.man, err)
		}
		for _, page := range pages {
			files = append(files, file{"man/" + filepath.Base(page), page, 0o644})
		}
	}
	write, ending := writeTar, ".tar.gz"
	if goos == "windows" {
		write, ending = writeZip, ".zip"
	}
	if err := write(filepath.Join(r.out, name+ending), name, files, r.time); err != nil {
		return nil, err
	}
	return []string{name + ending, bill}, nil
}

// bill writes what a program is made of. The sums of the tool that says so are left
// out: they depend on where its builder keeps modules.
func (r release) bill(to, program string) error {
	if err := run("", "go", "tool", "-modfile=tools.mod", "cyclonedx-gomod", "bin", "-json", "-noserial", "-notimestamp",
		"-version", r.version, "-output", to, program); err != nil {
		return err
	}
	text, err := os.ReadFile(to)
	if err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	about, _ := all["metadata"].(map[string]any)
	tools, _ := about["tools"].([]any)
	for _, tool := range tools {
		if tool, ok := tool.(map[string]any); ok {
			delete(tool, "hashes")
		}
	}
	text, err = json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o644)
}

// run runs a command with more environment, which is cut at blanks. Nothing that the
// caller's environment says of the build gets in.
func run(environment, name string, args ...string) error {
	command := exec.Command(name, args...)
	command.Env = append(os.Environ(), append([]string{"CGO_ENABLED=0", "GOFLAGS=-trimpath", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT="}, strings.Fields(environment)...)...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, args[0], err, out)
	}
	return nil
}
