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
	s, note := heard(ctx, db, c)
	switch {
	case note != "":
		fmt.Fprintf(std.err, "sidecar: warning: %s; dialling\n", note)
	case s.State == supervisor.Rejected && !s.Blocks:
		fmt.Fprintf(std.err, "sidecar: warning: %s\n", s.LastRefusal)
	}
	return s
}

// heard asks the running sidecar. The note says why it knows nothing.
func heard(ctx context.Context, db database, c config) (s gate.Standing, note string) {
	if db.target.Fault != "" {
		return gate.Judge(db.report, db.target.Fault), ""
	}
	address := c.sidecar()
	client := health.Client{URL: address.String(), Token: c.token()}
	answer, err := client.Readiness(ctx)
	switch {
	case err != nil:
		return gate.Judge(db.report, ""), fmt.Sprintf("no sidecar answers at %s, so no lockout window is known", address.Redacted())
	case answer.Key != db.target.Key:
		return gate.Judge(db.report, ""), fmt.Sprintf("the sidecar at %s speaks for another database, so no lockout window is known", address.Redacted())
	}
	s = gate.Heard(answer, db.target.DBHost)
	s.LastRefusal = fmt.Sprintf("the sidecar's last login was refused (%s): %s", answer.Reason, answer.Message)
	if status, err := client.Status(ctx); err == nil && status.LastAttempt != nil { // needs the token, where there is one
		last := status.LastAttempt
		s.Vouched = time.Since(last.At) < time.Minute
		s.LastRefusal = fmt.Sprintf("the sidecar's last login, at %s, was refused: %s (%s)", last.At.Format("15:04:05 UTC"), last.Message, last.Reason)
	}
	return s, ""
}

// sidecar is the address of the sidecar that client commands ask.
func (c config) sidecar() *url.URL {
	if c.SidecarURL == "" {
		return &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", c.Port)}
	}
	address, _ := url.Parse(c.SidecarURL) // checked by loadConfig
	return address
}
