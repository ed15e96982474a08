package machine

import "time"

// The two more tries of a shared pooler, from the first rejection: its cached
// credential may be up to 15 s old just after a rotation (docs/facts.md#cached-credential).
var SpacedTries = []time.Duration{15 * time.Second, 60 * time.Second}

// Rejection is what is remembered of a rejected credential, also when another one
// has taken its place: who rolls a secret back must not repeat it.
type Rejection struct {
	Key        string    `json:"key"`
	Credential string    `json:"credential"`
	First      time.Time `json:"first"`          // the spaced tries run from here, once
	Since      time.Time `json:"since"`          // of the hold
	Until      time.Time `json:"until,omitzero"` // of the hold; zero: a success ended it
}

// mostRejections bounds how many are remembered.
const mostRejections = 16

// status is the hold, after what came before at the same key.
func (r Rejection) status(before Status) Status {
	return Status{
		State: Rejected, Reason: ReasonAuthFailed, Since: r.Since, Next: r.Until,
		Failures: max(before.Failures, 1), WindowsInRow: before.WindowsInRow,
	}
}

// hold answers a rejected credential: the spaced tries once per credential on a
// shared pooler, else a hold.
func (m *Machine) hold(now time.Time, o Outcome) {
	m.ladder, m.echo = ladder{}, nil
	credential := m.target.Credential
	r, known := m.rejected[credential]
	if !known {
		m.makeRoom()
		r = Rejection{Key: m.target.Key, Credential: credential, First: now}
	}
	m.enter(now, Rejected, o, m.askedAgain(now, r.First))
	r.Since, r.Until = m.verdict.Since, m.verdict.Next
	m.rejected[credential] = r
}

// askedAgain is when a credential that was first rejected then is tried again.
func (m *Machine) askedAgain(now, first time.Time) time.Time {
	if m.target.Shared {
		for _, after := range SpacedTries {
			if at := first.Add(after); at.After(now) {
				return at
			}
		}
	}
	return now.Add(m.policy.Rejected.At(m.random()))
}

// makeRoom forgets the oldest rejection when there are too many.
func (m *Machine) makeRoom() {
	if len(m.rejected) < mostRejections {
		return
	}
	var oldest Rejection
	for _, r := range m.rejected {
		if oldest.First.IsZero() || r.First.Before(oldest.First) {
			oldest = r
		}
	}
	delete(m.rejected, oldest.Credential)
}

// release ends the hold of the present credential, which was accepted; its spaced
// tries have been made all the same.
func (m *Machine) release() {
	if r, held := m.rejected[m.target.Credential]; held {
		r.Until = time.Time{}
		m.rejected[m.target.Credential] = r
	}
}
