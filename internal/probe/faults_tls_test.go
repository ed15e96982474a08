package probe

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// A pooler that insists on TLS, with a certificate of an authority that no
// public store knows, as Supabase's. A fault of TLS sends no startup message, so
// it is no login.
func tlsIsRequired(t *testing.T, pg *realpeer.Postgres) {
	const right, wrong = "pooler.railway.internal", "other.railway.internal"
	own, foreign := realpeer.NewCA(t), realpeer.NewCA(t)
	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{appUser: appPassword}, TLS: own.Issue(t, right),
	})
	directory := t.TempDir()
	file := func(name string, roots ...*realpeer.CA) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, together(roots...), 0o600); err != nil {
			t.Fatal(err)
		}
		return "&sslrootcert=" + path
	}
	ownFile, foreignFile := file("own.pem", own), file("foreign.pem", foreign)
	bothFile, bothTurned := file("both.pem", own, foreign), file("turned.pem", foreign, own)
	none := file("none.pem")
	ownPEM, foreignPEM, bothPEM := string(own.PEM), string(foreign.PEM), string(together(foreign, own))

	untrusted := finding{
		reason: machine.ReasonTLS, step: machine.StepTLS, message: "x509: certificate signed by unknown authority",
		state: machine.Retrying, next: 2 * time.Second,
	}
	unverified, misnamed, plain := untrusted, untrusted, untrusted
	unverified.message = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
	misnamed.message = "tls: failed to verify certificate: x509: certificate is valid for " + right + ", not " + wrong
	plain.step, plain.sqlstate, plain.message = machine.StepStartup, "08P01", "SSL required"
	unusable := finding{
		reason: machine.ReasonConfigRejected, message: "sslrootcert: ", // before any step
		state: machine.Rejected, next: time.Minute,
	}
	for _, row := range []struct {
		name, host, query, pem string
		want                   finding
		sockets, logins        int
	}{
		{"plain", right, "disable", "", plain, 1, 0},
		{"require verifies nothing", wrong, "require", "", healthy, 1, 1},
		{"require ignores the PEM", wrong, "require", foreignPEM, healthy, 1, 1},
		{"verify-ca", right, "verify-ca" + ownFile, "", healthy, 1, 1},
		{"verify-ca, wrong name", wrong, "verify-ca" + ownFile, "", healthy, 1, 1},
		{"verify-ca, wrong root", right, "verify-ca" + foreignFile, "", untrusted, 1, 0},
		{"verify-ca, PEM", right, "verify-ca", bothPEM, healthy, 1, 1},
		{"verify-ca, wrong PEM", right, "verify-ca", foreignPEM, untrusted, 1, 0},
		{"verify-full", right, "verify-full" + ownFile, "", healthy, 1, 1},
		{"verify-full, wrong name", wrong, "verify-full" + ownFile, "", misnamed, 1, 0},
		{"verify-full, wrong root", right, "verify-full" + foreignFile, "", unverified, 1, 0},
		{"verify-full, public roots", right, "verify-full", "", unverified, 1, 0},
		{"verify-full, two roots", right, "verify-full" + bothFile, "", healthy, 1, 1},
		{"verify-full, two roots turned", right, "verify-full" + bothTurned, "", healthy, 1, 1},
		{"verify-full, two roots, wrong name", wrong, "verify-full" + bothFile, "", misnamed, 1, 0},
		{"verify-full, PEM", right, "verify-full", ownPEM, healthy, 1, 1},
		{"verify-full, two roots in the PEM", right, "verify-full", bothPEM, healthy, 1, 1},
		{"verify-full, wrong PEM", right, "verify-full", foreignPEM, unverified, 1, 0},
		{"the file counts more than the PEM", right, "verify-full" + foreignFile, ownPEM, unverified, 1, 0},
		{"a file without certificates", right, "verify-full" + none, "", unusable, 0, 0},
		{"no such file", right, "verify-full&sslrootcert=" + directory + "/missing.pem", "", unusable, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			raw := strings.Replace(pooler.DSN(appUser, appPassword), realpeer.Host, row.host, 1)
			raw = strings.Replace(raw, "sslmode=disable", "sslmode="+row.query, 1)
			a := ask(t, pooler, raw, Options{RootsPEM: row.pem, Lookup: addresses(realpeer.Host)})
			a.finds(row.want)
			a.cost(row.sockets, row.logins)
		})
	}
}

// A pooler without TLS: the DSN asks for it, and there is no second try in
// plaintext.
func tlsIsRefused(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, nil)
	for _, sslmode := range []string{"require", "verify-ca", "verify-full"} {
		a := ask(t, pooler, strings.Replace(pooler.DSN(appUser, appPassword), "disable", sslmode, 1), Options{})
		a.finds(finding{
			reason: machine.ReasonTLS, step: machine.StepTLS, message: "server refused TLS connection",
			state: machine.Retrying, next: 2 * time.Second,
		})
		a.cost(1, 0)
	}
}

// together is one file of several certificates.
func together(authorities ...*realpeer.CA) []byte {
	var all [][]byte
	for _, ca := range authorities {
		all = append(all, ca.PEM)
	}
	return bytes.Join(all, nil)
}
