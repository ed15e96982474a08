// Package scenes lists the situations that people can be told about, so that tests
// can look at every screen in each of them.
package scenes

import (
	"fmt"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Now is the time in all of them.
var Now = time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)

// Scene is a situation with a name.
type Scene struct {
	Name string
	advice.Situation
}

// withDetail says which reasons a detail comes with.
var withDetail = map[machine.Reason][]machine.Detail{
	machine.ReasonTLS: {machine.DetailTLSUnknownAuthority, machine.DetailTLSExpired, machine.DetailTLSHostname,
		machine.DetailTLSRefused, machine.DetailTLSRequired, machine.DetailTLSClientCertificate},
	machine.ReasonNetwork: {machine.DetailDNSNoSuchHost, machine.DetailDNSFailed, machine.DetailNoIPv6Route,
		machine.DetailConnectionRefused},
	machine.ReasonTimeout: {machine.DetailDNSFailed},
	machine.ReasonConfigRejected: {machine.DetailNotPostgreSQL, machine.DetailAuthRule, machine.DetailNoDatabase,
		machine.DetailStartupParameter, machine.DetailPoolerLogin, machine.DetailTenantBanned},
	machine.ReasonUnavailable: {machine.DetailPoolerConfig},
}

// soon is when the next attempt of a state may be due.
var soon = map[machine.State]time.Duration{
	machine.Starting: 0, machine.Retrying: 42 * time.Second, machine.Rejected: 23 * time.Minute, machine.Lockout: 873 * time.Second,
}

// All are the situations that a running sidecar can be in, and after them those of
// a command that asked once, host by host.
func All() (list []Scene) {
	for _, host := range []advice.Host{advice.Shared, advice.DB, advice.Own} {
		add := func(name string, s advice.Situation) {
			s.Host, s.Now = host, Now
			list = append(list, Scene{fmt.Sprintf("%s on %s", name, hostName(host)), s})
		}
		for _, rule := range machine.Rules {
			if rule.State == machine.Lockout {
				continue
			}
			for _, detail := range append([]machine.Detail{""}, withDetail[rule.Reason]...) {
				s := advice.Situation{Status: machine.Status{State: rule.State, Reason: rule.Reason}, Detail: detail}
				if d := soon[rule.State]; d > 0 {
					s.Next = Now.Add(d)
				}
				name := string(rule.Reason)
				if detail != "" {
					name += ", " + string(detail)
				}
				switch {
				case rule.Reason == machine.ReasonStoreLost:
					s.Next = Now.Add(15 * time.Minute)
				case rule.Reason == machine.ReasonTimeout && detail == "":
					for _, step := range []machine.Step{machine.StepDial, machine.StepStartup, machine.StepQuery} {
						s.Step = step
						add(name+" at "+string(step), s)
					}
					continue
				}
				add(name, s)
				if rule.Reason == machine.ReasonUnknown {
					s.Unheard, s.Next = 75*time.Second, time.Time{}
					add(name+", the fleet is not heard", s)
				}
				if rule.Reason == machine.ReasonAuthFailed || detail == machine.DetailDNSNoSuchHost {
					s.EverReady = true
					add(name+", answered before", s)
				}
			}
		}
		add("ok, a new DSN refused", advice.Situation{Status: machine.Status{State: machine.Ready, Reason: machine.ReasonOK}, Pending: true})
		for _, barred := range []machine.Reason{machine.ReasonGuard, machine.ReasonWaiverExpired} {
			add("ok, the next start refused by "+string(barred), advice.Situation{Status: machine.Status{State: machine.Ready, Reason: machine.ReasonOK}, Barred: barred})
		}
		for _, trigger := range machine.Triggers {
			for _, cause := range causes(trigger) {
				window := machine.Status{State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: trigger, Cause: cause, Next: Now.Add(soon[machine.Lockout]), WindowsInRow: 1}
				name := "lockout, " + string(trigger)
				if cause != "" {
					name += ", named cause"
				}
				add(name, advice.Situation{Status: window})
				window.WindowsInRow = 2
				add(name+", window 2", advice.Situation{Status: window})
				window.Next = Now
				add(name+", trial", advice.Situation{Status: window})
				if trigger == machine.TriggerServerLoginRetry || trigger == machine.TriggerQueryWaitTimeout {
					window.State, window.Next, window.WindowsInRow = machine.Retrying, Now.Add(3*time.Second), 0
					add(name+", may be an old one", advice.Situation{Status: window})
				}
			}
		}
		add("asked once: broken off", advice.Asked(machine.Outcome{}, host))
		for _, s := range list { // what a command says about the same
			if s.Host == host && s.State != machine.Misconfigured && s.State != machine.Starting && !s.Pending && s.WindowsInRow < 2 && !s.EverReady && s.Barred == "" && !s.Once {
				add("asked once: "+s.Name[:len(s.Name)-len(" on "+hostName(host))], advice.Asked(machine.Outcome{Reason: s.Reason, Trigger: s.Trigger, Cause: s.Cause, Detail: s.Detail, Step: s.Step}, host))
			}
		}
	}
	return list
}

func causes(t machine.Trigger) []string {
	if t == machine.TriggerServerLoginRetry {
		return []string{"", `password authentication failed for user "postgres"`}
	}
	return []string{""}
}

func hostName(h advice.Host) string {
	if h == advice.Own {
		return "own pooler"
	}
	return string(h)
}
