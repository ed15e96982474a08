package health

import (
	"fmt"
	"time"

	m "dragonfly.internal/sidecar/internal/markup"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// StatusFleet is who else shares the store, and who of them asks (docs/fleet.md).
type StatusFleet struct {
	Role       string     `json:"role"` // leader or follower
	Members    int        `json:"members"`
	Leader     string     `json:"leader"`              // its instance; empty: nobody is known to lead
	Asks       bool       `json:"asks"`                // the verdict is this process's own
	HeardAt    *time.Time `json:"heard_at"`            // when the store answered last
	VerdictAge *int64     `json:"verdict_age_seconds"` // of another's; null: it is our own
	Answers    bool       `json:"store_answers"`
}

func fleetOf(s *supervisor.Snapshot, now time.Time) *StatusFleet {
	f := s.Fleet
	if f == nil {
		return nil
	}
	role := "follower"
	if f.Leads {
		role = "leader"
	}
	return &StatusFleet{role, f.Members, f.Leader, f.Asks, timePointer(stamp(f.Heard)), verdictAge(s, now), !f.Away}
}

// verdictAge is how old a follower's verdict is, in whole seconds; nil: it is our own.
func verdictAge(s *supervisor.Snapshot, now time.Time) *int64 {
	age, follows := s.VerdictAge(now)
	if !follows {
		return nil
	}
	return new(int64(age / time.Second))
}

// fleetCheck is the line of /readyz?verbose; empty without a fleet.
func fleetCheck(s *supervisor.Snapshot, now time.Time) string {
	if s.Fleet == nil {
		return ""
	}
	age, follows := s.VerdictAge(now)
	old := fmt.Sprintf("the leader's verdict is %s old", machine.Seconds(age.Truncate(time.Second)))
	switch {
	case s.Fleet.Away && !follows:
		return "[-]fleet: the store does not answer\n"
	case !follows:
		return "[+]fleet ok\n"
	case age > machine.VerdictPatience:
		return "[-]fleet: " + old + ", which is too old to trust: the store does not answer\n"
	case s.Fleet.Away:
		return "[-]fleet: " + old + ": the store does not answer\n"
	}
	return "[+]fleet ok, " + old + "\n"
}

// fleetNumbers are the values of the two metrics; 0 without a fleet.
func fleetNumbers(s *supervisor.Snapshot) (leads, members float64) {
	if s.Fleet == nil {
		return 0, 0
	}
	return number(s.Fleet.Leads), float64(s.Fleet.Members)
}

// Words say to people what a member is to its fleet.
func (f StatusFleet) Words() string {
	switch {
	case f.HeardAt == nil:
		return "nobody is heard: the store has not answered yet, and this sidecar asks nothing before"
	case f.Role == "leader":
		return "leader: this sidecar asks for all"
	case f.Asks:
		return "follower with another credential than the leader's: it asks for itself"
	}
	return "follower: it shows what the leader finds, and asks nothing"
}

// LeaderWords say who leads.
func (f StatusFleet) LeaderWords() string {
	switch {
	case f.Role == "leader":
		return "this one"
	case f.Leader == "":
		return "nobody; the next one leads within 15 s"
	}
	return f.Leader
}

// fleetPart is what the page says of the fleet. Nothing in it changes with the mere time.
func fleetPart(s Status, now time.Time) m.Part {
	f := s.Fleet
	if f == nil {
		return m.El("div", m.ID("fleet"), m.Attr("data-part", ""))
	}
	list := m.Group{m.Class("facts")}
	add := func(name string, value ...m.Part) {
		list = append(list, m.El("div", m.El("dt", m.Text(name)), m.El("dd", value...)))
	}
	add("Role", m.Text(f.Words()))
	add("Leader", m.Text(f.LeaderWords()))
	if f.Answers {
		add("Members", m.Text(fmt.Sprint(f.Members)))
	}
	credential := map[bool]string{true: "this sidecar's own", false: "the leader's"}[f.Asks]
	if s.State == string(machine.Rejected) {
		credential += ", which is rejected and held: another one ends it"
	}
	add("Credential", m.Text(credential))
	switch {
	case f.HeardAt == nil:
	case f.Answers:
		add("Verdict", m.Text(map[bool]string{true: "its own", false: "the leader's, heard every second"}[f.VerdictAge == nil]))
	case f.VerdictAge == nil:
		add("Redis", m.Text("does not answer since "), recent(*f.HeardAt, now), m.Text(": the last leader goes on asking"))
	default:
		add("Verdict", m.Text("heard at "), recent(*f.HeardAt, now), m.Text(": Redis does not answer since, and after a minute it is not trusted any more"))
	}
	return part("fleet", "", "The fleet", m.El("dl", list))
}
