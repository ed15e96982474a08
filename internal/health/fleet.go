package health

import (
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
)

// StatusFleet is who else shares the store, and who of them asks (docs/fleet.md).
type StatusFleet struct {
	Role    string     `json:"role"` // leader or follower
	Members int        `json:"members"`
	Leader  string     `json:"leader"`   // its instance; empty: nobody is known to lead
	HeardAt *time.Time `json:"heard_at"` // when the store answered last
}

func fleetOf(s *supervisor.Snapshot) *StatusFleet {
	f := s.Fleet
	if f == nil {
		return nil
	}
	role := "follower"
	if f.Leads {
		role = "leader"
	}
	return &StatusFleet{role, f.Members, f.Leader, timePointer(stamp(f.Heard))}
}

// fleetNumbers are the values of the two metrics; 0 without a fleet.
func fleetNumbers(s *supervisor.Snapshot) (leads, members float64) {
	if s.Fleet == nil {
		return 0, 0
	}
	return number(s.Fleet.Leads), float64(s.Fleet.Members)
}
