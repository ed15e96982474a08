// Package refusals holds what peers said, word for word, and what each should
// mean. Tests of several packages play it; the product does not contain it.
package refusals

import (
	_ "embed" // the rows
	"encoding/json"
	"regexp"
	"strings"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

//go:embed refusals.json
var text []byte

// Row is one refusal.
type Row struct {
	Source, Phase, Severity, SQLState, Message string
	GoError                                    string `json:"go_error"` // what pgconn makes of it, where no error response came
	When                                       string
	Reason                                     machine.Reason
}

// All returns every row.
func All() []Row {
	var rows []Row
	if err := json.Unmarshal(text, &rows); err != nil {
		panic(err) // the file is ours
	}
	return rows
}

var namedRole = regexp.MustCompile(`(?:user|role) "([^"]+)"`)

// User is ours in that row: the role that the text names, except where it is
// the pooler's auth_user. Nothing but the name tells that row from the others.
func (r Row) User() string {
	named := namedRole.FindStringSubmatch(r.Message)
	switch {
	case named == nil:
		return ""
	case named[1] == "authuser":
		return "app"
	}
	return named[1]
}

// Trigger is the lockout's, if it is one.
func (r Row) Trigger() machine.Trigger {
	switch {
	case r.Reason != machine.ReasonLockout:
		return ""
	case r.Message == "query_wait_timeout":
		return machine.TriggerQueryWaitTimeout
	case strings.Contains(r.Message, "authentication failures"), strings.Contains(r.Message, "authentication errors"):
		return machine.TriggerCircuitBreaker
	}
	return machine.TriggerServerLoginRetry
}
