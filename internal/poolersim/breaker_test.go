package poolersim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
)

// Three wrong passwords within a minute block even the right one; every try
// inside prolongs the block, and only silence ends it.
func TestBreakerStory(t *testing.T) {
	bubble(t, func(p *peer) {
		breaker := &poolersim.Breaker{Failures: 3, Within: time.Minute, Quiet: 2 * time.Minute}
		p.Set(breaker.Guard(poolersim.Script{Auth: poolersim.Cleartext, Password: "right"}))
		wrong := func() {
			wantRefusal(p, p.look("wrong"), "FATAL", "28P01", `password authentication failed for user "app"`)
		}
		blocked := func() { wantRefusal(p, p.look("right"), "FATAL", "XX000", poolersim.CircuitBreaker.Message) }
		open := func() {
			if err := p.look("right"); err != nil {
				p.Errorf("after %v: %v", time.Now(), err)
			}
		}

		wrong()
		wrong()
		time.Sleep(time.Minute) // the first two are forgotten
		wrong()
		wrong()
		open()
		if until := breaker.Until(); !until.IsZero() {
			p.Errorf("blocked until %v", until)
		}
		wrong() // the third
		blocked()
		time.Sleep(119 * time.Second)
		blocked() // and two more minutes
		time.Sleep(119 * time.Second)
		if left := time.Until(breaker.Until()); left != time.Second {
			p.Errorf("%v left, want 1s", left)
		}
		time.Sleep(time.Second)
		open()
		wrong() // the count starts anew
		open()
		if got := p.Counts().Passwords; got != 9 {
			p.Errorf("%d credentials seen, want 9: the blocked ones are never asked for", got)
		}
	})
}

// PgBouncer lets the client in and refuses its query; trying does not prolong it.
func TestBreakerAtQuery(t *testing.T) {
	bubble(t, func(p *peer) {
		breaker := &poolersim.Breaker{Quiet: 15 * time.Second, AtQuery: true, Fixed: true}
		p.Set(breaker.Guard(poolersim.Script{}))
		breaker.Fail()
		for range 3 {
			wantRefusal(p, p.look(""), "FATAL", "08P01", poolersim.ServerLoginRetry.Message)
			time.Sleep(5 * time.Second)
		}
		if err := p.look(""); err != nil {
			p.Error(err)
		}
	})
}

func TestBreakerKeepsTheScriptsOwnActs(t *testing.T) {
	bubble(t, func(p *peer) {
		words := poolersim.Refusal{SQLState: "XX000", Message: "blocked in other words"}
		breaker := &poolersim.Breaker{Failures: 2, Quiet: time.Minute, Refusal: words}
		p.Set(breaker.Guard(poolersim.Script{
			Auth: poolersim.MD5, Password: "right",
			OnStartup: poolersim.Slow{By: patience / 2},
			OnWrong:   poolersim.Refusal{SQLState: "08P01", Message: "SASL authentication failed"},
		}))
		start := time.Now()
		for range 2 {
			wantRefusal(p, p.look("wrong"), "FATAL", "08P01", "SASL authentication failed")
		}
		if took := time.Since(start); took != patience {
			p.Errorf("took %v, want %v", took, patience)
		}
		wantRefusal(p, p.look("right"), "FATAL", "XX000", words.Message)
		synctest.Wait()
	})
}
