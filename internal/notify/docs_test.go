package notify

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDocs: docs/notifications.md lists the events and the fields that there are, and
// says how often and how long is tried.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	first := make(map[string][]string) // the first cells of each section's rows
	heading := ""
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "## ") {
			heading = strings.TrimSpace(line[3:])
		}
		if m := regexp.MustCompile("^\\| `([a-z]+)` \\|").FindStringSubmatch(line); m != nil {
			first[heading] = append(first[heading], m[1])
		}
	}
	var fields []string
	for field := range reflect.TypeFor[Message]().Fields() {
		fields = append(fields, field.Tag.Get("json"))
	}
	events := []string{string(Lockout), string(Rejected), string(Misconfigured), string(Down), string(Ready), string(Test)}
	if !slices.Equal(first["What is told"], events[:]) || !slices.Equal(first["Shapes"][len(first["Shapes"])-len(fields):], fields) {
		t.Errorf("documented %q, the events are %q, the fields %q", first, events, fields)
	}
	var pauses []string
	for _, pause := range Tries[1:] {
		pauses = append(pauses, fmt.Sprint(pause.Seconds()))
	}
	last := len(pauses) - 1
	flat := strings.Join(strings.Fields(string(text)), " ")
	for _, want := range []string{
		fmt.Sprintf("tried %d times: at once, then after %s and %s s.", len(Tries), strings.Join(pauses[:last], ", "), pauses[last]),
		fmt.Sprintf("no answer within %.0f s", patience.Seconds()),
		fmt.Sprintf("`Retry-After` is honoured, up to %.0f minutes", mostAfter.Minutes()),
		fmt.Sprintf("the %d newest are kept", waiting),
		fmt.Sprintf("at least %.0f minutes apart", crashQuiet.Minutes()),
		fmt.Sprintf("nothing for its first %.0f minutes", crashQuiet.Minutes()),
		map[bool]string{true: "for a minute the database has not been ready"}[downAfter == time.Minute],
	} {
		if want == "" || !strings.Contains(flat, want) {
			t.Errorf("docs/notifications.md does not say %q", want)
		}
	}
}
