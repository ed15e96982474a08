package health

import (
	m "dragonfly.internal/sidecar/internal/markup"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// look is how the page shows a state: never by colour alone.
type look struct {
	title string
	tone  string // the class that colours it: ok, wait, stop or idle
	shape m.Part
	never []string // what not to do
}

var looks = map[machine.State]look{
	machine.Starting: {"Starting", "idle", drawn("M24 5a19 19 0 1 0 .01 0z", "M24 13v12l8 5"),
		[]string{"Do NOT restart the sidecar: every start is another login."}},
	machine.Ready: {"Ready", "ok", drawn("M24 5a19 19 0 1 0 .01 0z", "M15 25l7 7 12-15"), nil},
	machine.Retrying: {"Retrying", "wait", drawn("M24 5l20 37H4z", "M24 18v12M24 36v.5"),
		[]string{"Do NOT restart services: it does not help, and it adds load."}},
	machine.Lockout: {"Locked out", "stop", drawn("M16 4h16l12 12v16L32 44H16L4 32V16z", "M18 16v16M30 16v16"),
		[]string{
			"Do NOT restart or redeploy any service: every start is another login, and every login makes the lockout longer.",
			"Do NOT save a variable before that time: saving restarts the service.",
			"Do NOT try by hand from another place.",
		}},
	machine.Rejected: {"Rejected", "stop", drawn("M24 3l21 21-21 21L3 24z", "M17 17l14 14M31 17L17 31"),
		[]string{"Do NOT restart services before this is corrected: every restart is another refused login."}},
	machine.Misconfigured: {"Misconfigured", "stop", drawn("M5 5h38v38H5z", "M24 13v14M24 34v.5"),
		[]string{"Do NOT wait for it to pass: only another DATABASE_URL ends this."}},
	machine.Stopping: {"Stopping", "idle", drawn("M24 5a19 19 0 1 0 .01 0z", "M17 17h14v14H17z"), nil},
}

// confirming is the look of a lockout that may be an old one.
var confirming = look{"Looking again", "wait", looks[machine.Retrying].shape,
	[]string{"Do NOT restart services: every restart is another login."}}

// lookOf is the look of a status.
func lookOf(s Status) look {
	l := looks[machine.State(s.State)]
	if s.State == string(machine.Retrying) {
		switch machine.Reason(s.Reason) {
		case machine.ReasonLockout:
			return confirming
		case machine.ReasonUnknown: // it may be a lockout
			l.never = confirming.never
		}
	}
	if s.State == string(machine.Ready) && !s.Guard.OK {
		l.tone = "wait"
		l.never = []string{"Do NOT restart the sidecar before DATABASE_URL is corrected."}
	}
	return l
}

// drawn is a picture of an outline and the sign in it, beside words that say the same.
func drawn(outline, sign string) m.Part {
	return m.El("svg", m.Class("shape"), m.Attr("viewBox", "0 0 48 48"), m.Attr("aria-hidden", "true"),
		m.El("path", m.Class("outline"), m.Attr("d", outline)),
		m.El("path", m.Class("sign"), m.Attr("d", sign)))
}

const (
	anyChapter    = "by-reason" // where every reason has its section
	waiverChapter = "the-waiver"
)
