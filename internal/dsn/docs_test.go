package dsn

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// cell is one field of a table in Markdown.
type cell string

// texts are the parts of a cell that stand in backquotes.
func (c cell) texts() []string {
	var all []string
	for _, m := range quoted.FindAllStringSubmatch(string(c), -1) {
		all = append(all, m[1])
	}
	return all
}

func (c cell) text() string { return strings.Join(c.texts(), " ") }

// dsn is the text of an example, with its names filled in.
func (c cell) dsn() string {
	return strings.NewReplacer("YOUR-PASSWORD", "YOUR-PASSWORD", "DB_PASSWORD", "DB_PASSWORD", "PASSWORD", "Secret-1", "DEVREF", seedDevRef, "REF", seedProdRef, "HOST", "aws-0-us-east-1.pooler.supabase.com").Replace(c.text())
}

// table reads the table under a heading of docs/dsn.md, without its head.
func table(t *testing.T, heading string) [][]cell {
	t.Helper()
	data, err := os.ReadFile("../../docs/dsn.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]cell
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		var row []cell
		for field := range strings.SplitSeq(strings.Trim(line, "|\n"), "|") {
			row = append(row, cell(strings.TrimSpace(field)))
		}
		rows = append(rows, row)
	}
	if len(rows) < 3 {
		t.Fatalf("docs/dsn.md has no table under %q", heading)
	}
	return rows[2:]
}

// column is one column of a table, read as values of the code.
func column[T ~string](rows [][]cell, n int) []T {
	var all []T
	for _, row := range rows {
		all = append(all, T(row[n].text()))
	}
	return all
}

// TestDocsLists: the document lists what the code lists, in the code's order.
func TestDocsLists(t *testing.T) {
	codes := table(t, "Codes")
	sameList(t, "codes", column[Code](codes, 0), Codes)
	sameList(t, "modes", column[Mode](table(t, "Modes"), 0), Modes)
	sameList(t, "encodings", column[Encoding](table(t, "password_encoding"), 0), Encodings)
	sameList(t, "waiver", column[WaiverStatus](table(t, "Waiver"), 0), WaiverStatuses)
	for _, row := range codes {
		code := Code(row[0].text())
		if want := find(code, "", "").Severity; code != Valid && Severity(row[1]) != want {
			t.Errorf("%s is called %q, want %s", code, row[1], want)
		}
	}
	parameters := table(t, "Parameters")
	sameList(t, "quiet", parameters[1][1].texts(), quiet)
	sameList(t, "overriding", parameters[2][1].texts(), append(slices.Clone(overriding), "pass", "pwd"))
}

func sameList[T ~string](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: docs/dsn.md lists\n%q, want\n%q", what, got, want)
	}
}

// TestDocsParameters: what is dropped there is dropped here.
func TestDocsParameters(t *testing.T) {
	rows := table(t, "Parameters")
	for i, want := range []Code{"", "", QueryOverridesAuthority, ParameterTranslated, ParameterDropped} {
		for _, name := range rows[i][1].texts() {
			raw := strings.Split(sharedProd, "?")[0] + "?" + name
			if !strings.Contains(name, "=") {
				raw += "=x"
			}
			r := judge(raw, Prod)
			var got Code
			for _, f := range r.Findings {
				if f.Code == QueryOverridesAuthority || f.Code == ParameterTranslated || f.Code == ParameterDropped {
					got = f.Code
				}
			}
			if got != want {
				t.Errorf("%s gives %q, want %q", name, got, want)
			}
		}
	}
}

// TestDocsExamples: the judge says of each example what the document says, and
// there is an example of each code.
func TestDocsExamples(t *testing.T) {
	seen := map[Code]bool{}
	for _, row := range table(t, "Examples") {
		r := Judge(row[0].dsn(), settings(t, row[1]), today)
		var got []string
		if r.Valid() {
			got = append(got, string(Valid))
		}
		for _, f := range r.Findings {
			got = append(got, string(f.Code))
		}
		sameList(t, row[0].text(), row[2].texts(), got)
		for _, code := range got {
			seen[Code(code)] = true
		}
	}
	for _, code := range Codes {
		if !seen[code] {
			t.Errorf("%s has no example", code)
		}
	}
}

// settings reads what an example is judged with.
func settings(t *testing.T, with cell) Rules {
	t.Helper()
	rules := Rules{Roots: func(string) error { return fs.ErrNotExist }}
	for _, text := range with.texts() {
		switch name, value, _ := strings.Cut(text, "="); name {
		case "prod", "dev":
			rules.Env = Env(name)
		case "SIDECAR_ALLOW_HOSTS":
			rules.AllowHosts = SplitHosts(value)
		case "DB_CONNECTION_MODE":
			rules.DirectWaiver = value == "direct_waiver"
		case "SIDECAR_WAIVER_EXPIRES":
			rules.WaiverExpires = value
		case "SIDECAR_WAIVER_REASON":
			rules.WaiverReason = value
		default:
			t.Fatalf("docs/dsn.md: unknown setting %s", text)
		}
	}
	return rules
}

// TestDocsForms: passwords, redacted forms and keys are as the document says.
func TestDocsForms(t *testing.T) {
	for _, row := range table(t, "password_encoding") {
		for _, password := range row[2].texts() {
			if got := encodingOf(password); got != Encoding(row[0].text()) {
				t.Errorf("%s is %s, docs/dsn.md says %s", password, got, row[0])
			}
		}
	}
	for _, row := range table(t, "What is printed") {
		if got := judge(row[0].dsn(), Prod).DSN.Redacted(); got != row[1].text() {
			t.Errorf("%s is printed as\n%s, docs/dsn.md says\n%s", row[0], got, row[1])
		}
	}
	for _, row := range table(t, "What a lockout is on") {
		if got := judge(row[0].dsn(), Prod).DSN.KeySource(); got != row[1].text() {
			t.Errorf("%s: the lockout is on %s, docs/dsn.md says %s", row[0], got, row[1])
		}
	}
}

// TestDocsPlaceholders: each example is one, on its hosts and no others.
func TestDocsPlaceholders(t *testing.T) {
	for _, row := range table(t, "Placeholders") {
		everywhere := string(row[1]) == "everywhere"
		for _, password := range row[2].texts() {
			if code := onShared(password).Code; code != PasswordPlaceholder {
				t.Errorf("%s is %s", password, code)
			}
			if code := onLoopback(password).Code; (code == PasswordPlaceholder) != everywhere {
				t.Errorf("%s is %s on loopback", password, code)
			}
		}
	}
}
