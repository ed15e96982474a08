package machine

import "time"

// Target is what one supervisor speaks for.
type Target struct {
	// Key names what a block is on: shared/REF, db/REF or host:port, hashed
	// (docs/states.md). Windows belong to it.
	Key string
	// Credential tells one credential from another; holds belong to it. A keyed
	// hash, never the password.
	Credential string
	// DSN tells one DSN from another, as a keyed hash too: a hold that is not on
	// the credential ends with any change.
	DSN string
	// Shared: a shared pooler, which may reject a new password for about 15 s.
	Shared bool
	// DBHost: a db.* host, where the second wrong password bans the address.
	DBHost bool
	// Fault is set when the DSN must not be dialled: a misconfigured reason.
	Fault Reason
}

// Target is what the machine speaks for.
func (m *Machine) Target() Target { return m.target }

// SetTarget changes what the machine speaks for. A changed credential ends a hold;
// it never ends a window, which is on the project and the address. It is called
// between two probes only: what a login under way will find is on the target that
// it was made for.
func (m *Machine) SetTarget(now time.Time, target Target) Transition {
	if m.out.Valid() {
		panic("machine: the target changes while a permit is out")
	}
	from := m.Status(now)
	if target != m.target {
		m.speakFor(now, target)
	}
	return Transition{At: now, From: from, To: m.Status(now)}
}

// speakFor begins with a target. The same database stays ready until the new
// credential says otherwise.
func (m *Machine) speakFor(now time.Time, target Target) {
	before := m.target
	m.target, m.since = target, now
	m.ladder, m.echo = ladder{}, nil
	switch held := now.Before(m.rejected[target.Credential].Until); {
	case target.Key != before.Key:
		m.verdict = Status{}
		m.begin(now)
	case m.verdict.Ready() && before.Fault == "" && !held:
		m.verdict.Next = now
	default:
		m.begin(now)
	}
	m.enterWindow(now)
}

// begin is the verdict before any: ask at once.
func (m *Machine) begin(now time.Time) {
	m.verdict.State = "" // its since is now
	m.enter(now, Starting, Outcome{Reason: ReasonStarting}, now)
}

// enterWindow makes the window of the target's key the verdict, if it is in force: when it
// is over a trial decides, and not what was known before. A permit that is out, and
// not used yet, is taken back.
func (m *Machine) enterWindow(now time.Time) {
	window := m.windows[m.target.Key]
	if !now.Before(window.Next) || m.verdict.State == Lockout && !m.verdict.Next.Before(window.Next) {
		return
	}
	if m.out.Valid() {
		m.out, m.begun = Permit{}, Begun{}
	}
	m.ladder, m.echo = ladder{}, nil
	m.verdict = window
}
