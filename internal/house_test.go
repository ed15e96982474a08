// Package internal holds the rules of the house: which package may import which,
// how long a file may get, and that what a comment refers to is there.
package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "dragonfly.internal/sidecar/"

// directions are the rules for product code, each with its reason. An import
// path matches what it begins with.
var directions = []struct {
	in     string
	not    []string
	reason string
}{
	{"internal/dsn", []string{module, "net ", "github.com/"}, "the DSN rules are pure and offline"},
	{"internal/supervisor/machine", []string{module, "net", "os", "context", "github.com/"}, "the machine is pure: no clock, nobody asked, nothing of ours"},
	{"internal/supervisor", []string{module + "internal/probe", module + "internal/store", module + "internal/health", "net", "github.com/"}, "the driver knows one permit, one outcome and a place to store"},
	{"internal/advice", []string{module + "internal/supervisor ", module + "internal/health", module + "internal/report", module + "internal/probe", module + "internal/dsn", "net", "os", "context", "github.com/"}, "words are made from what is known: nobody asked, no clock"},
	{"internal/store", []string{module + "internal/probe", module + "internal/health", module + "internal/dsn", "net/http", "github.com/jackc/pgx"}, "a store keeps what the machine says, and asks Redis at most"},
	{"internal/fleet", []string{module + "internal/probe", module + "internal/health", "net", "github.com/"}, "who leads is decided from answers; internal/store gets them"},
	{"internal/classify", []string{module + "internal/probe", module + "internal/dsn", module + "internal/store", module + "internal/health"}, "the classifier knows words and the machine's reasons, nothing else"},
	{"internal/probe", []string{module + "internal/health", module + "internal/store", "net/http"}, "the prober does not know who reads"},
	{"internal/health", []string{module + "internal/probe", module + "internal/proxy", "github.com/jackc/pgx"}, "a request cannot cause a connection"},
	{"internal/proxy", []string{module + "internal/probe", module + "internal/health", module + "internal/config", "net/http"}, "the proxy reads the verdict; no client can cause a login of the sidecar's"},
	{"internal/proxy/budget", []string{module, "net ", "os", "context", "sync", "github.com/"}, "the budget is pure: no clock, no bytes, nothing of ours"},
	{"internal/worker", []string{module + "internal/probe", module + "internal/health", "net", "os", "github.com/"}, "the decision to start a worker is pure: no clock, nobody asked, nothing started"},
	{"internal/report", []string{module + "internal/probe", "github.com/jackc/pgx", "net ", "net/http"}, "a report is told what was found; it finds nothing itself"},
	{"internal/poolersim", []string{module}, "a peer shares nothing with what it tests"},
	{"internal/apisim", []string{module}, "a peer shares nothing with what it tests"},
	{"internal/realpeer", []string{module}, "a peer shares nothing with what it tests"},
	{"internal/config", []string{module + "internal/probe", module + "internal/health", "net ", "net/http"}, "the environment asks nobody"},
	{"internal/printable", []string{module, "os", "net", "github.com/"}, "what may be printed is a question of text alone"},
	{"internal/notify", []string{module + "internal/probe", module + "internal/store", "github.com/jackc/pgx"}, "a message cannot cause a connection"},
	{"internal/outbound", []string{module}, "how a service is called does not depend on what is said to it"},
	{"internal/supabase", []string{module + "internal/probe", module + "internal/store", module + "internal/health", "github.com/"}, "lifting a ban cannot cause a login"},
	{"internal/exit", []string{module, "os", "net"}, "a code is a value; main ends the process"},
	{"internal/child", []string{module + "internal/probe", module + "internal/lookup", "github.com/jackc/pgx"}, "a worker's gate never touches the database"},
	{"cmd/sidecar", []string{"github.com/jackc/pgx"}, "only internal/probe dials the database"},
	{"cmd/sidecar", []string{module + "internal/realpeer", module + "internal/apisim"}, "the product does not contain its test servers"},
}

// edge are the calls that belong to cmd/sidecar and internal/config alone.
var edge = map[string]string{
	"os.Exit": "exit codes come from one place", "os.Getenv": "the environment is read in one place",
	"os.LookupEnv": "the environment is read in one place", "os.Args": "flags are read in one place",
	"net.Dial": "only internal/probe opens connections", "net.Listen": "the port is opened in one place",
}

// exceptions are the uses of edge elsewhere that are meant.
var exceptions = map[string]string{
	"internal/poolersim/server.go net.Listen": "the simulated pooler is a server",
	"internal/demo/proxied.go net.Listen":     "the demo's third world has ports of its own",
	"scripts/release/main.go os.Exit":         "a program of its own",
	"internal/demo/demo.go net.Listen":        "the demo takes another port when 8080 is taken",
}

func TestHouse(t *testing.T) {
	for path, file := range sources(t) {
		room := filepath.Dir(path)
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			for _, rule := range directions {
				if rule.in != room {
					continue
				}
				for _, not := range rule.not {
					if strings.HasPrefix(imported+" ", not) {
						t.Errorf("%s imports %s: %s", path, imported, rule.reason)
					}
				}
			}
		}
		if room == "cmd/sidecar" || room == "internal/config" || room == "internal/realpeer" {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := selector.X.(*ast.Ident); ok {
				name := pkg.Name + "." + selector.Sel.Name
				if reason := edge[name]; reason != "" && exceptions[path+" "+name] == "" {
					t.Errorf("%s uses %s: %s", path, name, reason)
				}
			}
			return true
		})
	}
}

// TestFilesAreShort: no file is longer than a reader can hold.
func TestFilesAreShort(t *testing.T) {
	const most = 300
	for path := range sources(t) {
		text, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(text), "\n"); lines > most {
			t.Errorf("%s has %d lines, at most %d are allowed", path, lines, most)
		}
	}
}

// sources parses every Go file of the repository, by its path from the root.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := make(map[string]*ast.File)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		files[strings.TrimPrefix(filepath.ToSlash(path), "../")] = file
		return err
	})
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	return files
}
