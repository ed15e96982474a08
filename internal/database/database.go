// Package database is one DSN, judged, with what it takes to ask it.
package database

import (
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/probe"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Database is one DSN, judged, with what it takes to ask it.
type Database struct {
	Raw    string
	Rules  dsn.Rules
	Report dsn.Report
	Scrub  *dsn.Scrubber
	Target machine.Target
	Prober *probe.Prober
}

// New judges the DSN; an empty one is no configuration at all.
func New(raw string, c config.Config) Database {
	d := Database{Raw: raw, Rules: c.Rules()}
	judged := d.Judge(time.Now()).DSN
	d.Scrub = dsn.NewScrubber(raw, judged)
	d.Prober = probe.New(judged, d.Scrub, probe.Options{RootsPEM: c.RootsPEM})
	d.Prober.ReadRoots() // and at each probe; a judgement reads no file
	d.Rules.Roots = func(string) error { return d.Prober.RootsFault() }
	d.Report = d.Judge(time.Now())
	d.Target = machine.Target{
		Key:    judged.Key(),
		Shared: judged.Mode == dsn.ModeShared,
		DBHost: judged.Mode == dsn.ModeDedicated || judged.Mode == dsn.ModeDirect,
		Fault:  machine.Reason(d.Report.Misconfigured()),
	}
	if raw == "" {
		d.Target = machine.Target{Fault: machine.ReasonNoConfig}
	}
	return d
}

// Salted is the database with what tells its credential from another. The salt is
// the store's, so that a hold is known again after a restart.
func (d Database) Salted(salt []byte) Database {
	if d.Raw != "" {
		d.Target.Credential = d.Report.DSN.Fingerprint(salt)
		d.Target.DSN = dsn.Fingerprint(salt, d.Raw)
	}
	return d
}

// Judge gives the guard's verdict at a time: a waiver may end while we run.
func (d Database) Judge(now time.Time) dsn.Report {
	if d.Raw == "" {
		return dsn.Report{DSN: dsn.DSN{Mode: dsn.ModeUnknown, Encoding: dsn.Missing}, Waiver: dsn.Waiver{Status: dsn.WaiverNone}}
	}
	report := dsn.Judge(d.Raw, d.Rules, now)
	report.Waiver.Reason = d.Scrub.Scrub(report.Waiver.Reason) // somebody's own words
	return report
}
