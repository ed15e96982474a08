package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"dragonfly.internal/sidecar/internal/gate"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// standing looks for a reason not to dial: a fault of the DSN, or a window or
// hold that the running sidecar knows of. What it cannot know it says.
func standing(ctx context.Context, db database, c config, std streams) gate.Standing {
	if db.target.Fault != "" {
		return gate.Judge(db.report, db.target.Fault)
	}
	address := c.sidecar()
	client := health.Client{URL: address.String(), Token: c.token()}
	answer, err := client.Readiness(ctx)
	switch {
	case err != nil:
		fmt.Fprintf(std.err, "sidecar: warning: no sidecar answers at %s, so no lockout window is known; dialling\n", address.Redacted())
		return gate.Judge(db.report, "")
	case answer.Key != db.target.Key:
		fmt.Fprintf(std.err, "sidecar: warning: the sidecar at %s speaks for another database, so no lockout window is known; dialling\n", address.Redacted())
		return gate.Judge(db.report, "")
	}
	s := gate.Heard(answer, db.target.DBHost)
	status, err := client.Status(ctx) // needs the token, where there is one
	if err != nil || status.LastAttempt == nil {
		return s
	}
	s.Vouched = time.Since(status.LastAttempt.At) < time.Minute
	if s.State == supervisor.Rejected && !s.Blocks {
		fmt.Fprintf(std.err, "sidecar: warning: the sidecar's last login, at %s, was refused: %s (%s)\n",
			status.LastAttempt.At.Format("15:04:05 UTC"), status.LastAttempt.Message, status.LastAttempt.Reason)
	}
	return s
}

// sidecar is the address of the sidecar that client commands ask.
func (c config) sidecar() *url.URL {
	if c.SidecarURL == "" {
		return &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", c.Port)}
	}
	address, _ := url.Parse(c.SidecarURL) // checked by loadConfig
	return address
}
