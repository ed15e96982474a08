package poolersim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/poolersim"
)

func TestAuthentication(t *testing.T) {
	for name, method := range map[string]poolersim.Method{"cleartext": poolersim.Cleartext, "md5": poolersim.MD5, "scram": poolersim.SCRAM} {
		script := poolersim.Script{Auth: method, Password: "right"}
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(p *peer) {
				p.Set(script)
				if err := p.look("right"); err != nil {
					p.Errorf("right password: %v", err)
				}
				wantRefusal(p, p.look("wrong"), "FATAL", "28P01", `password authentication failed for user "app"`)

				script.OnWrong = poolersim.Refusal{SQLState: "08P01", Message: "SASL authentication failed"}
				p.Set(script)
				wantRefusal(p, p.look("wrong"), "FATAL", "08P01", "SASL authentication failed")

				script.OnWrong = poolersim.Slow{} // goes on, but never lets a wrong one in
				p.Set(script)
				wantRefusal(p, p.look("wrong"), "FATAL", "28P01", `password authentication failed for user "app"`)
				if got := p.Counts().Passwords; got != 4 {
					p.Errorf("%d credentials seen, want 4", got)
				}
			})
		})
	}
}

func TestTrustSeesNoCredential(t *testing.T) {
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{Password: "right", OnPassword: poolersim.Drop})
		if err := p.look("wrong"); err != nil {
			p.Error(err)
		}
		if got := p.Counts().Passwords; got != 0 {
			p.Errorf("%d credentials seen", got)
		}
	})
}

// Supavisor before 2.6 ended a SCRAM exchange without an error response.
func TestSASLFinalWithoutError(t *testing.T) {
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{Auth: poolersim.SCRAM, Password: "right", OnWrong: poolersim.SASLFinal("e=Wrong password")})
		err := p.look("wrong")
		if err == nil || !strings.Contains(err.Error(), "failed SASL auth: invalid SCRAM server-final") {
			p.Errorf("got %v", err)
		}
	})
}

// A credential that a client does not want to give is never counted.
func TestClientRefusesMethod(t *testing.T) {
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{Auth: poolersim.Cleartext, Password: "right"})
		_, err := p.connect("right", func(c *pgconn.Config) { c.RequireAuth = "scram-sha-256" })
		if err == nil || !strings.Contains(fmt.Sprint(err), "require_auth") {
			p.Errorf("got %v", err)
		}
		if got := p.Counts(); got.Startups != 1 || got.Passwords != 0 {
			p.Errorf("counted %+v", got)
		}
	})
}
