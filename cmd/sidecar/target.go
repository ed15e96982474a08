package main

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/probe"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// database is one DSN, judged, with what it takes to ask it.
type database struct {
	raw    string
	rules  dsn.Rules
	report dsn.Report
	scrub  *dsn.Scrubber
	target machine.Target
	prober *probe.Prober
}

// newDatabase judges the DSN; an empty one is no configuration at all.
func newDatabase(raw string, c config.Config) database {
	d := database{raw: raw, rules: c.Rules()}
	judged := d.judge(time.Now()).DSN
	d.scrub = dsn.NewScrubber(raw, judged)
	d.report = d.judge(time.Now())
	d.target = machine.Target{
		Key:    judged.Key(),
		Shared: judged.Mode == dsn.ModeShared,
		DBHost: judged.Mode == dsn.ModeDedicated || judged.Mode == dsn.ModeDirect,
		Fault:  machine.Reason(d.report.Misconfigured()),
	}
	if raw == "" {
		d.target = machine.Target{Fault: machine.ReasonNoConfig}
	}
	d.prober = probe.New(judged, d.scrub, probe.Options{RootsPEM: c.RootsPEM})
	return d
}

// salted is the database with what tells its credential from another. The salt is
// the store's, so that a hold is known again after a restart.
func (d database) salted(salt []byte) database {
	if d.raw != "" {
		d.target.Credential = d.report.DSN.Fingerprint(salt)
		d.target.DSN = dsn.Fingerprint(salt, d.raw)
	}
	return d
}

// judge gives the guard's verdict at a time: a waiver may end while we run.
func (d database) judge(now time.Time) dsn.Report {
	if d.raw == "" {
		return dsn.Report{DSN: dsn.DSN{Mode: dsn.ModeUnknown, Encoding: dsn.Missing}, Waiver: dsn.Waiver{Status: dsn.WaiverNone}}
	}
	report := dsn.Judge(d.raw, d.rules, now)
	report.Waiver.Reason = d.scrub.Scrub(report.Waiver.Reason) // somebody's own words
	return report
}

// newInstance tells this process from its predecessors.
func newInstance() string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
