package health

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	inQuotes = regexp.MustCompile("`([^`]+)`")
	fenced   = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
)

// section is the part of a document under a heading, up to the next of its rank;
// an empty heading is the whole document.
func section(t *testing.T, name, heading string) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if heading == "" {
		return string(data)
	}
	_, text, found := strings.Cut(string(data), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/%s has no section %q", name, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// rows reads the first table of a text, without its head.
func rows(t *testing.T, text string) (all [][]string) {
	t.Helper()
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "|"):
			var row []string
			for field := range strings.SplitSeq(strings.Trim(line, "|\n"), "|") {
				row = append(row, strings.TrimSpace(field))
			}
			all = append(all, row)
		case len(all) > 2:
			return all[2:]
		}
	}
	if len(all) < 3 {
		t.Fatalf("no table in\n%s", text)
	}
	return all[2:]
}

// names are the texts of a cell that stand in backquotes.
func names(cell string) (all []string) {
	for _, m := range inQuotes.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

func same(t *testing.T, what string, documented, real any) {
	t.Helper()
	if diff := cmp.Diff(documented, real); diff != "" {
		t.Errorf("%s: documented (-), real (+):\n%s", what, diff)
	}
}

// TestDocsRoutes: the routes and their status codes.
func TestDocsRoutes(t *testing.T) {
	documented := make(map[string][]int)
	for _, row := range rows(t, section(t, "http.md", "Routes")) {
		path := names(row[0])[0]
		for _, text := range names(row[2]) {
			if code, err := strconv.Atoi(text); err == nil {
				documented[path] = append(documented[path], code)
			}
		}
		slices.Sort(documented[path])
	}
	same(t, "docs/http.md, Routes", documented, routeCodes)
}

// TestDocsFields: every field of the JSON bodies, in their order.
func TestDocsFields(t *testing.T) {
	for heading, body := range map[string]any{"/health": Liveness{}, "/readyz": Readiness{}, "/status": Status{}} {
		var documented []string
		for _, row := range rows(t, section(t, "http.md", heading)) {
			documented = append(documented, names(row[0])...)
		}
		same(t, "docs/http.md, "+heading, documented, fieldNames(reflect.TypeOf(body), ""))
	}
}

// fieldNames are the JSON names of a struct. What can be absent or empty stands
// before its own fields.
func fieldNames(spec reflect.Type, prefix string) (all []string) {
	for field := range spec.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if tag == "-" {
			continue
		}
		name, kind, whole := prefix+tag, field.Type, true
		if kind.Kind() == reflect.Struct {
			whole = false
		} else if kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct || kind == reflect.TypeFor[time.Time]() {
			all = append(all, name)
			continue
		}
		if whole {
			all = append(all, name)
		}
		all = append(all, fieldNames(kind, name+".")...)
	}
	return all
}

// TestDocsLimits: the numbers of the server.
func TestDocsLimits(t *testing.T) {
	span := func(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }
	want := map[string]string{
		"a request":                              span(readTimeout),
		"an answer":                              span(writeTimeout),
		"an idle connection":                     span(idleTimeout),
		"a request's header, in size":            fmt.Sprintf("%d KiB", maxHeaderBytes>>10),
		"a request's body":                       "none is read; the connection closes after the answer",
		"connections":                            fmt.Sprintf("%d, and %d below the descriptor limit", maxConnections, ownDescriptors),
		"after SIGTERM, the port stays open for": span(lingering),
		"then open requests get at most":         span(drain),
		"our own commands wait for an answer":    span(clientTimeout),
	}
	documented := make(map[string]string)
	for _, row := range rows(t, section(t, "http.md", "Limits")) {
		documented[row[0]] = row[1]
	}
	same(t, "docs/http.md, Limits", documented, want)
	if lingering+drain >= 5*time.Second {
		t.Error("the end takes longer than the documented 5 s")
	}
	var every int // of the page's script
	_, rest, _ := strings.Cut(string(pageScript), "const every = ")
	fmt.Sscan(rest, &every)
	for text, where := range map[string]string{
		fmt.Sprintf("`Retry-After` is at most %d:", maxRetryAfter): "Headers",
		fmt.Sprintf("asks again every %d s", every/1000):           "Routes",
	} {
		if !strings.Contains(section(t, "http.md", where), text) {
			t.Errorf("docs/http.md, %s, does not say %q", where, text)
		}
	}
}

// TestDocsExamples: the handlers answer each example as documented, but for the
// times in it.
func TestDocsExamples(t *testing.T) { synctest.Test(t, testExamples) }

func testExamples(t *testing.T) {
	asked := regexp.MustCompile(`^\$ curl (-\w+) (?:-H ".*" )?'?localhost:8080([^'\n]*)'?\n`)
	n := 0
	for _, block := range fenced.FindAllStringSubmatch(section(t, "http.md", ""), -1) {
		request := asked.FindStringSubmatch(block[2])
		if request == nil {
			t.Fatalf("not a request:\n%s", block[2])
		}
		snapshot, token := readySince(11*time.Second), ""
		if strings.Contains(block[2], "lockout") || strings.Contains(block[2], "Lockout") {
			snapshot = inWindow(1005 * time.Second)
		}
		snapshot.Target.Key = "75495744"
		if strings.Contains(block[2], " 401 ") {
			token = "sesame"
		}
		w := ask(at(snapshot, token), "GET", request[2])
		got := w.Body.String()
		_, documented, _ := strings.Cut(block[2], "\n")
		if request[1] == "-i" {
			var head, wantHead string
			head, documented, _ = strings.Cut(documented, "\n\n")
			wantHead = fmt.Sprintf("HTTP/1.1 %d %s", w.Code, http.StatusText(w.Code))
			for _, name := range slices.Sorted(maps.Keys(w.Header())) {
				for _, value := range w.Header()[name] {
					wantHead += "\n" + name + ": " + value
				}
			}
			same(t, request[2]+", head", head, wantHead)
		}
		switch {
		case request[2] == "/status":
			sameShape(t, documented, got)
		case strings.HasPrefix(got, "{"):
			same(t, request[2], undated(t, documented), undated(t, got))
		default:
			same(t, request[2], documented, got)
		}
		n++
	}
	if n < 8 {
		t.Errorf("%d examples", n)
	}
}

// undated is a JSON body without the time in it.
func undated(t *testing.T, body string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	if fields["retry_at"] != nil {
		fields["retry_at"] = "a time"
	}
	return fields
}

// sameShape: both bodies are a whole Status, with no field of their own.
func sameShape(t *testing.T, documented, got string) {
	t.Helper()
	if strings.HasPrefix(got, "this page") {
		same(t, "/status", documented, got)
		return
	}
	same(t, "/status", slices.Sorted(maps.Keys(undated(t, documented))), slices.Sorted(maps.Keys(undated(t, got))))
	decoder := json.NewDecoder(strings.NewReader(documented))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(new(Status)); err != nil {
		t.Errorf("the example of /status: %v", err)
	}
}
