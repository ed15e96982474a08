package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/probe"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/report"
)

const (
	verifyPassword = "kestrel-9-harbour"
	verifyDSN      = "postgresql://postgres.ejiddanxtqcleyswqvkc:" + verifyPassword + "@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"
)

// verified is what one "sidecar verify" came to.
type verified struct {
	report.VerifyReport
	text string // stdout without --json
	code int
}

// failed is the step that failed, if one did.
func (v verified) failed() report.Step {
	for _, step := range v.Steps {
		if step.Status == report.Fail {
			return step
		}
	}
	return report.Step{}
}

// verify runs the command for a DSN in an environment of nothing but env, on a
// network of the test's own, and looks for the password in what it says.
func verify(t *testing.T, raw string, flags verifyFlags, network probe.Options, env ...string) verified {
	t.Helper()
	cleanEnvironment(t)
	t.Setenv("PORT", "1") // nobody listens there: no sidecar is known
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	c, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	var v verified
	var out, errs bytes.Buffer
	network.RootsPEM = c.RootsPEM
	v.code = exit.From(verifyDatabase(t.Context(), database.New(raw, c), c, streams{nil, &out, &errs}, flags, network)).Code
	if said := out.String() + errs.String(); strings.Contains(said, verifyPassword[:4]) {
		t.Errorf("the password comes out:\n%s", said)
	}
	if !flags.json {
		v.text = out.String()
		return v
	}
	if err := json.Unmarshal(out.Bytes(), &v.VerifyReport); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if v.code != v.ExitCode {
		t.Errorf("exit code %d, the report says %d", v.code, v.ExitCode)
	}
	return v
}

// leadsTo resolves every name to the pooler.
func leadsTo(pooler *poolersim.Server) probe.Options {
	return probe.Options{Lookup: func(context.Context, string) ([]string, error) { return []string{pooler.Addr()}, nil }}
}

// serverTLS is a server's side of TLS, and the authority that vouches for it.
func serverTLS(t *testing.T, name string) (*tls.Config, string) {
	t.Helper()
	ca := realpeer.NewCA(t)
	issued := ca.Issue(t, name)
	pair, err := tls.X509KeyPair(issued.CertPEM, issued.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, string(ca.PEM)
}

// TestVerifySteps: each step in turn stands in the way, and one verify is at most
// one socket and one login.
func TestVerifySteps(t *testing.T) {
	secure, roots := serverTLS(t, "aws-0-us-east-1.pooler.supabase.com")
	full := strings.Replace(verifyDSN, "require", "verify-full", 1)
	right := poolersim.Script{TLS: secure, Auth: poolersim.SCRAM, Password: verifyPassword}
	with := func(change func(*poolersim.Script)) poolersim.Script {
		script := right
		change(&script)
		return script
	}
	tenant := with(func(s *poolersim.Script) { s.OnStartup = poolersim.TenantNotFound("postgres.ejiddanxtqcleyswqvkc") })
	for name, c := range map[string]struct {
		raw       string
		script    poolersim.Script
		network   *probe.Options
		env       []string
		failed    string
		message   string // a part of the failed step's
		code      int
		passwords int
	}{
		"pass":          {raw: verifyDSN, script: right, passwords: 1},
		"verified":      {raw: full, script: right, env: []string{"SIDECAR_SSLROOTCERT_PEM=" + roots}, passwords: 1},
		"format":        {raw: strings.Replace(verifyDSN, "@", "#12@", 1), failed: "dsn", code: 1},
		"identity":      {raw: strings.Replace(verifyDSN, ".ejiddanxtqcleyswqvkc", "", 1), failed: "identity", message: "no project ref", code: 1},
		"DNS":           {raw: verifyDSN, network: &probe.Options{Lookup: nowhere}, failed: "dns", message: "no such host", code: 1},
		"TCP":           {raw: verifyDSN, network: &probe.Options{Lookup: closed(t)}, failed: "tcp", message: "connection refused", code: 1},
		"TLS refused":   {raw: verifyDSN, script: with(func(s *poolersim.Script) { s.TLS = nil }), failed: "tls", message: "server refused TLS connection", code: 1},
		"TLS untrusted": {raw: full, script: right, failed: "tls", message: "signed by unknown authority; certificate for aws-0-us-east-1.pooler.supabase.com; chain: CN=aws-0", code: 1},
		"no such roots": {raw: full + "&sslrootcert=/nowhere/roots.pem", script: right, failed: "dsn", message: "sslrootcert", code: 1},
		"tenant":        {raw: verifyDSN, script: tenant, failed: "routing", message: "(ENOTFOUND) tenant/user postgres.ejiddanxtqcleyswqvkc not found", code: 1},
		"breaker":       {raw: verifyDSN, script: with(func(s *poolersim.Script) { s.OnStartup = poolersim.CircuitBreaker }), failed: "login", message: "(ECIRCUITBREAKER)", code: 78},
		"password":      {raw: verifyDSN, script: with(func(s *poolersim.Script) { s.Password = "another" }), failed: "login", message: "password authentication failed", code: 1, passwords: 1},
		"query":         {raw: verifyDSN, script: with(func(s *poolersim.Script) { s.OnQuery = poolersim.ServerLoginRetry }), failed: "query", message: "server_login_retry", code: 78, passwords: 1},
		"hangs up":      {raw: verifyDSN, script: with(func(s *poolersim.Script) { s.OnQuery = poolersim.Drop }), failed: "query", code: 1, passwords: 1},
	} {
		t.Run(name, func(t *testing.T) {
			pooler := listen(t, c.script)
			network := leadsTo(pooler)
			if c.network != nil {
				network = *c.network
			}
			v := verify(t, c.raw, verifyFlags{json: true}, network, c.env...)
			step := v.failed()
			if v.code != c.code || step.Name != c.failed || !strings.Contains(step.Message, c.message) || (step.Hint == "") != (c.failed == "") {
				t.Errorf("code %d: %+v", v.code, v.Steps)
			}
			if n := pooler.Counts(); n.Sockets > 1 || n.Startups > 1 || n.Passwords != c.passwords {
				t.Errorf("%+v", n)
			}
		})
	}
}

func nowhere(_ context.Context, host string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// closed resolves every name to a port where nobody listens any more.
func closed(t *testing.T) func(context.Context, string) ([]string, error) {
	pooler := listen(t, poolersim.Script{})
	pooler.Close()
	return leadsTo(pooler).Lookup
}

// windowFor is a sidecar that knows of a lockout window of the DSN.
func windowFor(t *testing.T, raw string) string {
	until, key := time.Now().Add(873*time.Second), database.New(raw, config.Config{}).Target.Key
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, `{"ready":false,"state":"lockout","reason":"lockout","trigger":"circuit_breaker","key":%q,"retry_at":%q,"retry_in_seconds":873,"message":"Lockout backoff: 873s (14m) remaining. No connection attempts until backoff expires."}`,
			key, until.Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	return "SIDECAR_URL=" + server.URL
}

// TestVerifyInWindow: nothing is looked up and nothing is dialled (invariant 1).
func TestVerifyInWindow(t *testing.T) {
	touched := 0
	network := probe.Options{
		Lookup: func(context.Context, string) ([]string, error) { touched++; return nil, net.ErrClosed },
		Dial:   func(context.Context, string, string) (net.Conn, error) { touched++; return nil, net.ErrClosed },
	}
	window := windowFor(t, verifyDSN)
	for _, flags := range []verifyFlags{{}, {findRegion: true}} {
		v := verify(t, verifyDSN, flags, network, window)
		if v.code != exit.Lockout || touched > 0 || !strings.Contains(v.text, "Lockout backoff: 873s (14m) remaining. No connection attempts until backoff expires.\n") ||
			!strings.Contains(v.text, "RESULT: FAIL (LOCKOUT DETECTED)\n") {
			t.Errorf("code %d, touched the network %d times:\n%s", v.code, touched, v.text)
		}
	}
}
