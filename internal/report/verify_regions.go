package report

import (
	"fmt"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Knock is what one host said to a startup message without a password. An
// outcome without a reason: it was not asked.
type Knock struct {
	DSN     dsn.DSN // the one given, at this host
	Outcome machine.Outcome
}

// knows reports whether the host knows the tenant: it went on, or locks it out.
func (k Knock) knows() bool {
	return k.Outcome.Reason == machine.ReasonOK || k.Outcome.Reason == machine.ReasonLockout
}

// step is the line of a host.
func (k Knock) step() Step {
	s := Step{Name: k.DSN.Host, Status: Skip, Message: "no verdict: " + k.Outcome.Message}
	switch {
	case k.Outcome.Reason == machine.ReasonOK:
		s.Status, s.Message = Pass, "knows the tenant: it asked for the password"
	case k.knows():
		s.Status, s.Message = Pass, "knows the tenant: "+k.Outcome.Message
	case k.Outcome.Reason == machine.ReasonTenantNotFound:
		s.Status, s.Message = Fail, "does not know the tenant"
	case k.Outcome.Reason == "":
		s.Message = "not asked"
	}
	return s
}

// Searched fills in which of the hosts know the tenant.
func (r *VerifyReport) Searched(knocks []Knock) {
	for _, name := range []string{"dsn", "identity"} {
		_, message := r.passed(name, machine.Outcome{}, Trace{})
		r.Steps = append(r.Steps, Step{Name: name, Status: Pass, Message: message})
	}
	var found, unknown *Knock // the DSN's own host before others
	silent := 0
	for i := range knocks {
		k := &knocks[i]
		own := k.DSN.Host == r.judged.DSN.Host
		step := k.step()
		switch {
		case step.Status == Pass && (found == nil || own):
			found = k
		case step.Status == Fail && (unknown == nil || own):
			unknown = k
		case step.Status == Skip:
			silent++
		}
		r.Steps = append(r.Steps, step)
	}
	if silent > 0 {
		r.Note(fmt.Sprintf("%d of %d hosts gave no verdict.", silent, len(knocks)))
	}
	switch {
	case found != nil:
		r.foundAt(*found)
	case unknown != nil:
		words := wordsOn(unknown.Outcome, r.judged)
		r.Reason, r.action, r.page = string(words.Reason), nowhereFixes, words.Page()
		r.support = r.forSupport(unknown.DSN.Host, unknown.Outcome)
	case len(knocks) > 0:
		r.Reason = string(knocks[0].Outcome.Reason)
		words := wordsOn(knocks[0].Outcome, r.judged)
		r.action, r.page = remedy(words), words.Page()
	}
}

// foundAt names the host that knows the tenant, and the DSN that leads there.
func (r *VerifyReport) foundAt(k Knock) {
	r.Found, r.Reason = k.DSN.Host, string(k.Outcome.Reason)
	if k.Outcome.Reason == machine.ReasonLockout {
		words := wordsOn(k.Outcome, r.judged)
		r.ExitCode, r.action, r.page = exit.Lockout, words.Action(), words.Page()
	} else {
		r.Result, r.Reason, r.ExitCode = "PASS", string(machine.ReasonOK), exit.OK
	}
	if k.DSN.Host == r.judged.DSN.Host {
		r.Note("The host in the DSN is right.")
		return
	}
	r.Note(fmt.Sprintf("The project is at %s. Corrected DSN: %s", k.DSN.Host, k.DSN.Redacted()))
}
