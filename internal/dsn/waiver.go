package dsn

import (
	"strings"
	"time"
)

// WaiverStatus says whether the direct connection is waived (docs/dsn.md#waiver).
type WaiverStatus string

// The statuses.
const (
	WaiverNone     WaiverStatus = "none"     // not asked for, or not readable
	WaiverActive   WaiverStatus = "active"   // in force
	WaiverExpiring WaiverStatus = "expiring" // in force, with 7 days or less to go
	WaiverOver     WaiverStatus = "expired"  // its date has come
)

// WaiverStatuses lists every WaiverStatus.
var WaiverStatuses = []WaiverStatus{WaiverNone, WaiverActive, WaiverExpiring, WaiverOver}

// The seed's waiver (docs/seed.md#waiver), and the bounds of any other.
const (
	seedWaiverExpires = "2026-02-15"
	seedWaiverReason  = "Supabase Shared Pooler returns `FATAL: Tenant or user not found`"

	day           = 24 * time.Hour
	waiverLongest = 90 * day // one that runs longer is not a waiver but a habit
	waiverWarning = 7 * day
)

// Waiver is the permission to connect directly in prod. It waives the port,
// never TLS or identity. The status speaks of what was asked for; whether this
// DSN needs it is the guard's to say. The zero value is no waiver, as is one
// whose Status is WaiverNone.
type Waiver struct {
	Status        WaiverStatus
	Expires       time.Time
	DaysRemaining int // begun days; 0 when expired
	Reason        string
}

// judgeWaiver reads the waiver of the rules. The finding is nil when it is in
// force or was not asked for.
func judgeWaiver(r Rules, now time.Time) (Waiver, *Finding) {
	if !r.DirectWaiver {
		return Waiver{Status: WaiverNone}, nil
	}
	text, reason := r.WaiverExpires, strings.TrimSpace(r.WaiverReason)
	if text == "" {
		text = seedWaiverExpires
		if reason == "" {
			reason = seedWaiverReason
		}
	}
	expires, err := parseDate(text)
	switch {
	case err != nil:
		return invalidWaiver("SIDECAR_WAIVER_EXPIRES, the end of the waiver, is not a date.",
			"Write it like 2026-02-15, or with a time like 2026-02-15T18:00:00Z.")
	case expires.After(now.Add(waiverLongest)):
		return invalidWaiver("SIDECAR_WAIVER_EXPIRES, the end of the waiver, is more than 90 days ahead.",
			"Choose a date within 90 days, and extend it when that day comes.")
	case reason == "":
		return invalidWaiver("The waiver has an end but no reason.", "Set SIDECAR_WAIVER_REASON to the reason why it is needed.")
	}
	left := expires.Sub(now)
	w := Waiver{Status: WaiverActive, Expires: expires, DaysRemaining: int((left + day - 1) / day), Reason: reason}
	switch {
	case left <= 0:
		w.Status, w.DaysRemaining = WaiverOver, 0
		return w, find(WaiverExpired, "The waiver for the direct connection ended on "+expires.UTC().Format("2006-01-02 15:04 UTC")+".",
			usePooler+"; if it still can't be used, set SIDECAR_WAIVER_EXPIRES to a new date, at most 90 days ahead, and SIDECAR_WAIVER_REASON to the reason.")
	case left <= waiverWarning:
		w.Status = WaiverExpiring
	}
	return w, nil
}

func invalidWaiver(message, hint string) (Waiver, *Finding) {
	return Waiver{Status: WaiverNone}, find(WaiverInvalid, message, hint)
}

// parseDate reads a date, which means 00:00 UTC, or RFC 3339.
func parseDate(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}
