// Package advice turns what is known of a database into the words that people
// read about it: one value in, sentences out. It asks nobody and knows no clock.
package advice

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Host is whose pooler it is: what can be done differs. The zero value is one of
// one's own, or PostgreSQL itself.
type Host string

// The hosts.
const (
	Own    Host = ""
	Shared Host = "shared" // Supabase's shared pooler
	DB     Host = "db"     // db.REF.supabase.co: dedicated pooler or PostgreSQL itself
)

// HostOf is whose pooler a target is at.
func HostOf(t machine.Target) Host {
	switch {
	case t.Shared:
		return Shared
	case t.DBHost:
		return DB
	}
	return Own
}

// Situation is what is known of a database at one time.
type Situation struct {
	machine.Status
	Detail machine.Detail // of what the last attempt found
	Step   machine.Step   // where the last attempt ended
	Host   Host
	Now    time.Time

	EverReady bool           // the database answered before, as far as this process knows
	Barred    machine.Reason // ready, but the next start would be refused for this
	Pending   bool           // a new DSN in the file is refused, and the old one stays in use
	Once      bool           // a command asked once: no sidecar asks again
	// Unheard is how long the store has not answered through which a follower hears the
	// fleet's verdict; 0: it answers, or this sidecar asks for itself.
	Unheard time.Duration
}

// Asked is the situation of a command that asked once.
func Asked(o machine.Outcome, host Host) Situation {
	return Situation{
		Status: machine.Status{Reason: o.Reason, Trigger: o.Trigger, Cause: o.Cause},
		Detail: o.Detail, Step: o.Step, Host: host, Once: true,
	}
}

// Message is the sentence of /readyz. It has no host, user or ref.
func (s Situation) Message() string {
	switch {
	case s.State == machine.Lockout && s.Remaining() == 0:
		return "The lockout backoff is over. The one trial is under way."
	case s.State == machine.Lockout:
		return Backoff(s.Remaining())
	}
	message := s.words().message
	switch next := machine.RuleFor(s.Reason).Next; {
	case s.RetryAt().IsZero():
	case s.Remaining() == 0:
		message += " The next attempt is under way."
	case s.Reason == machine.ReasonLockout:
		message += " Looking again in {left}."
	case next == machine.NextHold:
		message += " Next attempt in {left}, or at once when the credential changes."
	case next == machine.NextReroute:
		message += " Next attempt in {left}, or at once when the DSN changes."
	default:
		message += " Next attempt in {left}."
	}
	return s.fill(message) + s.old()
}

// old says how old a verdict is that is another sidecar's and not heard anew, unless
// another time stands there already.
func (s Situation) old() string {
	if s.Unheard == 0 || s.forgotten() || !s.RetryAt().IsZero() {
		return ""
	}
	return s.fill(" That is {age} old: the fleet's store does not answer.")
}

// forgotten reports whether the verdict that was heard last is too old to trust.
func (s Situation) forgotten() bool {
	return s.Reason == machine.ReasonUnknown && s.Unheard > machine.VerdictPatience
}

// Advice tells somebody who is not an engineer what is wrong, whether waiting
// helps, until when, and what not to do. What to do when it lasts is After's.
func (s Situation) Advice() string {
	w := s.words()
	switch {
	case s.window() && s.Once:
		return s.fill(join(lockedOut, w.wrong, w.do))
	case s.window() && s.Remaining() == 0:
		return "The waiting time is over and the sidecar is trying once: wait half a minute. Do NOT restart services yet."
	case s.window():
		return s.fill(join(waitUntil+": every restart is another login.", w.wrong, w.do, s.row()))
	case s.Reason == machine.ReasonLockout && s.Remaining() > 0:
		return s.fill(join(w.wrong, w.do, "The next look is at {time}."))
	}
	return s.fill(join(w.wrong, w.do, s.again()))
}

// Meaning is what is wrong and what can be done about it, without any time.
func (s Situation) Meaning() string {
	w := s.words()
	return s.fill(join(w.wrong, w.do))
}

// Action is the advice in the last lines of a report: inside a window it is the
// one sentence that counts, else all there is to say.
func (s Situation) Action() string {
	switch {
	case !s.window():
		return s.Text()
	case s.Once:
		return lockedOut
	case s.Remaining() == 0:
		return s.Advice()
	}
	return s.fill(waitUntil + ".")
}

// After is what to do when it lasts; empty while all is well.
func (s Situation) After() string {
	w := s.words()
	switch {
	case s.window() && !s.Once && s.Remaining() == 0:
		return "If that fails, the time to wait for stands here."
	case s.State == machine.Lockout && s.WindowsInRow > 1 && w.rowAfter != "":
		return s.fill(w.rowAfter)
	}
	return s.fill(w.after)
}

// Text is Advice and After together.
func (s Situation) Text() string {
	if s.Pending {
		return join(s.Advice(), s.After(), newUnused)
	}
	return join(s.Advice(), s.After())
}

// Runbook is where the pages that [Situation.Page] names are.
const Runbook = "docs/runbook.md"

// Page is the section of the runbook about it: one a reason, and one a trigger.
func (s Situation) Page() string {
	if s.Reason == machine.ReasonOK && s.Pending {
		return Runbook + "#" + string(machine.ReasonInvalidDSN)
	}
	return Runbook + "#" + cmp.Or(string(s.Barred), string(s.Trigger), string(s.Reason), string(machine.ReasonUnknown))
}

const (
	waitUntil = "Wait until {time}. Do NOT restart services"
	lockedOut = "Wait 15+ minutes before retrying. Do NOT restart services." // docs/seed.md: where no end is known
)

// window reports whether nobody may connect.
func (s Situation) window() bool {
	switch s.Reason {
	case machine.ReasonLockout:
		return s.State == machine.Lockout || s.Once
	case machine.ReasonStoreLost:
		return !s.Once
	}
	return false
}

// row says what a second window in a row means.
func (s Situation) row() string {
	if s.State != machine.Lockout || s.WindowsInRow < 2 {
		return ""
	}
	return fmt.Sprintf("This is window %d in a row: %s", s.WindowsInRow, s.words().row)
}

// again says when the sidecar asks next.
func (s Situation) again() string {
	switch next := machine.RuleFor(s.Reason).Next; {
	case s.Once || s.RetryAt().IsZero():
		return ""
	case s.Remaining() == 0:
		return "The sidecar is asking again right now."
	case next == machine.NextHold:
		return "The sidecar asks again at {time}, or at once when its credential changes."
	case next == machine.NextReroute:
		return "The sidecar asks again at {time}, or at once when DATABASE_URL changes."
	}
	return "The sidecar asks again at {time}."
}

// RetryTime is the next attempt on the reader's wall clock, rounded up to the
// second so that nobody is early; zero when there is none.
func (s Situation) RetryTime() time.Time {
	retry := s.RetryAt()
	if retry.IsZero() {
		return retry
	}
	at := s.Now.Add(retry.Sub(s.Now)).UTC()
	if whole := at.Truncate(time.Second); whole.Before(at) {
		return whole.Add(time.Second)
	}
	return at
}

// Remaining is the time until the next attempt, never below zero.
func (s Situation) Remaining() time.Duration {
	if s.RetryAt().IsZero() {
		return 0
	}
	return max(0, s.RetryAt().Sub(s.Now))
}

// Backoff is the seed's sentence, in the log and in /readyz.
func Backoff(remaining time.Duration) string {
	return fmt.Sprintf("Lockout backoff: %s remaining. No connection attempts until backoff expires.", machine.Seconds(remaining))
}

// fill puts the times, and where to look, into a sentence.
func (s Situation) fill(sentence string) string {
	dashboard, past := "in the dashboard", "the dashboard's SQL editor"
	if s.Host == Own {
		dashboard, past = "on its machine or in its dashboard", "the dashboard's SQL editor, or psql at PostgreSQL's own port"
	}
	return strings.NewReplacer(
		"{time}", s.RetryTime().Format("15:04:05 UTC"),
		"{left}", machine.Seconds(s.Remaining()),
		"{age}", machine.Seconds(s.Unheard),
		"{dashboard}", dashboard,
		"{past}", past,
	).Replace(sentence)
}

// join puts sentences behind each other.
func join(sentences ...string) string {
	said := sentences[:0:0]
	for _, sentence := range sentences {
		if sentence != "" {
			said = append(said, sentence)
		}
	}
	return strings.Join(said, " ")
}
