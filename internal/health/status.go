package health

import (
	"net/http"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Status is the body of /status, for operators (docs/http.md#status).
type Status struct {
	Ready          bool          `json:"ready"`
	State          string        `json:"state"`
	Reason         string        `json:"reason"`
	Trigger        string        `json:"trigger"`
	Cause          string        `json:"cause"`
	Key            string        `json:"key"`
	Instance       string        `json:"instance"`
	Since          time.Time     `json:"since"`
	RetryAt        *time.Time    `json:"retry_at"`
	RetryInSeconds int64         `json:"retry_in_seconds"`
	WindowsInRow   int           `json:"windows_in_a_row"`
	Message        string        `json:"message"`
	Advice         string        `json:"advice"`
	Runbook        string        `json:"runbook"` // the section about it
	DSN            StatusDSN     `json:"dsn"`
	Guard          StatusGuard   `json:"guard"`
	Waiver         StatusWaiver  `json:"waiver"`
	Logins         StatusLogins  `json:"logins"`
	Failures       int           `json:"consecutive_failures"`
	LastAttempt    *LastAttempt  `json:"last_attempt"`
	LastSuccessAt  *time.Time    `json:"last_success_at"`
	LocalFault     *LocalFault   `json:"local_fault"`
	History        []HistoryItem `json:"history"`
	Store          Store         `json:"store"`
	Proxy          *StatusProxy  `json:"proxy"`
	Notifications  Notifications `json:"notifications,omitzero"` // absent when nobody is told
	Fleet          *StatusFleet  `json:"fleet"`                  // null: the store is shared with nobody
	Version        string        `json:"version"`
}

// StatusDSN is what may be shown of the DSN.
type StatusDSN struct {
	PoolerMode       dsn.Mode     `json:"pooler_mode"`
	Host             string       `json:"host"`
	Port             uint16       `json:"port"`
	User             string       `json:"user"`
	ProjectRef       string       `json:"project_ref"`
	Region           string       `json:"region"`
	SSLMode          string       `json:"sslmode"`
	PasswordEncoding dsn.Encoding `json:"password_encoding"`
}

// situation is the snapshot's; the guard may refuse the next start all the same: a
// waiver that ends does not end readiness (docs/dsn.md#waiver).
func situation(s *supervisor.Snapshot, report dsn.Report, now time.Time) advice.Situation {
	situation := s.Situation(now)
	if s.Ready() && !report.Valid() {
		situation.Barred = machine.Reason(report.Misconfigured())
	}
	return situation
}

// DSN returns what may be shown of a DSN.
func DSN(d dsn.DSN) StatusDSN {
	return StatusDSN{
		PoolerMode: d.Mode, Host: d.Host, Port: d.Port, User: d.RedactedUser(), ProjectRef: d.ProjectRef,
		Region: d.Region, SSLMode: d.SSLMode, PasswordEncoding: d.Encoding,
	}
}

// StatusGuard is the guard's verdict now.
type StatusGuard struct {
	Env      dsn.Env       `json:"env"`
	OK       bool          `json:"ok"`
	Findings []dsn.Finding `json:"findings"`
	Pending  []dsn.Finding `json:"pending"` // against a new DSN in the file, which is not used
}

// StatusWaiver is the state of the waiver now; Expires is absent without one.
type StatusWaiver struct {
	Status        dsn.WaiverStatus `json:"status"`
	Expires       *time.Time       `json:"expires"`
	DaysRemaining int              `json:"days_remaining"`
	Reason        string           `json:"reason"`
}

// StatusLogins counts logins since the start.
type StatusLogins struct {
	Total    uint64 `json:"total"`
	Failed   uint64 `json:"failed"`
	InWindow uint64 `json:"in_window"`
}

// LastAttempt is the last probe.
type LastAttempt struct {
	At        time.Time `json:"at"`
	Reason    string    `json:"reason"`
	Step      string    `json:"step"`
	SQLState  string    `json:"sqlstate"`
	Message   string    `json:"message"`
	LatencyMS int64     `json:"latency_ms"`
}

// LocalFault is the last probe that a fault of our own side broke off, such as no free
// descriptor: it says nothing about the database. Count is since the start.
type LocalFault struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
	Count   uint64    `json:"count"`
}

// HistoryItem is one change of state or reason.
type HistoryItem struct {
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Reason  string    `json:"reason"`
	Trigger string    `json:"trigger"`
}

// status describes a snapshot at that time.
func (h *handlers) status(s *supervisor.Snapshot, now time.Time) Status {
	report := s.Report(now)
	ready := ReadinessAt(s, now)
	words := situation(s, report, now)
	total, failed := s.Total()
	status := Status{
		Ready:          ready.Ready,
		State:          string(shownState(s)),
		Reason:         ready.Reason,
		Trigger:        ready.Trigger,
		Cause:          s.Cause,
		Key:            ready.Key,
		Instance:       h.source.Instance,
		Since:          stamp(s.Since),
		RetryAt:        ready.RetryAt,
		RetryInSeconds: ready.RetryInSeconds,
		WindowsInRow:   s.WindowsInRow,
		Message:        ready.Message,
		Advice:         words.Text(),
		Runbook:        words.Page(),
		DSN:            DSN(report.DSN),
		Guard:          StatusGuard{h.source.Env, report.Valid(), append([]dsn.Finding{}, report.Findings...), append([]dsn.Finding{}, s.Pending...)},
		Waiver: StatusWaiver{report.Waiver.Status, timePointer(report.Waiver.Expires),
			report.Waiver.DaysRemaining, report.Waiver.Reason},
		Logins:        StatusLogins{total, failed, s.Violations},
		Failures:      s.Failures,
		LastSuccessAt: timePointer(stamp(s.LastSuccess)),
		History:       make([]HistoryItem, 0, len(s.History)),
		Store:         Store{h.source.StoreKind, !s.Unstored},
		Proxy:         h.source.proxy(),
		Notifications: h.source.notifications(),
		Version:       h.source.Build.Version,
	}
	status.Fleet = fleetOf(s, now)
	if a := s.Attempt; !a.At.IsZero() {
		status.LastAttempt = &LastAttempt{stamp(a.At), string(a.Reason), string(a.Step), a.SQLState, a.Message, a.Latency.Milliseconds()}
	}
	if f := s.LocalFault; s.LocalFaults > 0 {
		status.LocalFault = &LocalFault{stamp(f.At), f.Message, s.LocalFaults}
	}
	if status.Proxy != nil {
		status.Logins.InWindow += status.Proxy.Violations
	}
	for _, e := range s.History {
		status.History = append(status.History,
			HistoryItem{stamp(e.At), string(e.From), string(e.To), string(e.Reason), string(e.Trigger)})
	}
	return status
}

// stamp is a time as people read it; nobody needs more than milliseconds. The
// zero time stays zero.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// shownState is the state as /status and the metrics name it: a process that
// ends says so, while /readyz keeps speaking about the database.
func shownState(s *supervisor.Snapshot) machine.State {
	if s.Stopping {
		return machine.Stopping
	}
	return s.State
}

// showStatus answers /status.
func (h *handlers) showStatus(w http.ResponseWriter, r *http.Request) int {
	if !h.allowed(r) {
		return statusUnauthorized(w)
	}
	return writeJSON(w, http.StatusOK, h.status(h.source.Snapshot(), time.Now()))
}
