package report

import (
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Standing is what is known of a DSN before anything is dialled: a fault of the
// DSN, or what the running sidecar says. The zero value stands against nothing.
type Standing struct {
	State    machine.State // Misconfigured, Lockout, Rejected, or Starting after a lost store; "" otherwise
	Blocks   bool          // no login may be made
	ExitCode int           // of a command that may not make one
	Reason   string
	Trigger  string
	Message  string
	Advice   string
	Window   Window
	Until    *time.Time // of a window, a hold, or the silence after a lost store
	Vouched  bool       // somebody logged in less than a minute ago
	Doubted  bool       // the sidecar looks again at a lockout that may be an old one

	LastRefusal string // when and why the last login was refused, if it was
}

// Judge returns the standing of a DSN that must not be dialled at all.
func Judge(report dsn.Report, fault machine.Reason) Standing {
	if fault == "" {
		return Standing{Window: Window{Source: "none"}}
	}
	s := Standing{
		State: machine.Misconfigured, Blocks: true, ExitCode: exit.Failure,
		Reason: string(fault), Advice: advice.Asked(machine.Outcome{Reason: fault}, "").Action(), Window: Window{Source: "none"},
	}
	if first := report.First(); first != nil {
		s.Message, s.Advice = first.Message, first.Hint
	}
	return s
}

// Heard returns the standing that an answer about a DSN of the same key gives it;
// source is the running sidecar or the store. A window blocks, also while the one
// trial after it is out, and so does a lost store, which may have held one. A hold
// does not, but for db.* hosts: there the second wrong password bans the address.
func Heard(answer health.Readiness, dbHost bool, source string) Standing {
	s := Standing{
		State: machine.State(answer.State), Reason: answer.Reason, Trigger: answer.Trigger, Message: answer.Message,
		Window: Window{answer.RetryAt, answer.RetryInSeconds, source}, Until: answer.RetryAt,
	}
	words := situation(answer, dbHost)
	switch {
	case s.State == machine.Lockout:
		s.Blocks, s.ExitCode, s.Advice = true, exit.Lockout, words.Action()
	case s.Reason == string(machine.ReasonStoreLost):
		s.Blocks, s.ExitCode = true, exit.Failure
		s.Advice = "If you are sure that there is no lockout: sidecar state clear, or sidecar probe --force"
		if answer.RetryAt != nil {
			s.Advice = "Wait until " + answer.RetryAt.UTC().Format("15:04:05 UTC") + ". " + s.Advice
		}
	case s.State == machine.Rejected:
		s.Window = Window{Source: "none"} // a hold is no window
		s.ExitCode, s.Advice = exit.Failure, words.Action()
		if dbHost && s.Reason == string(machine.ReasonAuthFailed) {
			s.Blocks = true
			s.Advice = "Correct DATABASE_URL first: at this host the second wrong password bans the address for 30 minutes. Once it is corrected: sidecar probe --force"
		}
	default:
		return Standing{Window: Window{Source: "none"}, Doubted: s.Reason == string(machine.ReasonLockout)}
	}
	return s
}

// page is the section of the runbook about it.
func (s Standing) page() string {
	return advice.Situation{Status: machine.Status{Reason: machine.Reason(s.Reason), Trigger: machine.Trigger(s.Trigger)}}.Page()
}

// situation is an answer in the words of people.
func situation(answer health.Readiness, dbHost bool) advice.Situation {
	s := advice.Situation{Status: machine.Status{
		State: machine.State(answer.State), Reason: machine.Reason(answer.Reason), Trigger: machine.Trigger(answer.Trigger),
	}}
	if dbHost {
		s.Host = advice.DB
	}
	if answer.RetryAt != nil {
		s.Next = *answer.RetryAt
		s.Now = s.Next.Add(-time.Duration(answer.RetryInSeconds) * time.Second)
	}
	return s
}

// Later returns the one of two standings that counts: a window before anything
// else, what blocks before what does not, and then the one that ends later.
func (s Standing) Later(other Standing) Standing {
	locked, otherLocked := s.State == machine.Lockout, other.State == machine.Lockout
	switch {
	case locked && !otherLocked:
		return s
	case otherLocked && !locked:
	case other.State == "" || s.Blocks && !other.Blocks:
		return s
	case s.State == "" || other.Blocks && !s.Blocks:
	case s.Until != nil && (other.Until == nil || !other.Until.After(*s.Until)):
		return s
	}
	other.Vouched = s.Vouched
	return other
}
