package poolersim_test

import (
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
)

const refused = `password authentication failed for user "app"`

// remembering runs a test of a client before a memory: ask is one question, which
// has to be refused in these words, or answered when there are none.
func remembering(t *testing.T, memory *poolersim.Memory, test func(p *peer, ask func(words string))) {
	t.Helper()
	bubble(t, func(p *peer) {
		p.Set(memory.Guard(poolersim.Script{}))
		test(p, func(words string) {
			p.Helper()
			err := p.look("")
			if words == "" && err != nil {
				p.Errorf("after %v: %v", time.Now(), err)
			}
			if words != "" {
				wantRefusal(p, err, "FATAL", "08P01", words)
			}
		})
	})
}

// PostgreSQL is away for 20 s. The first client waits in vain, the others hear of
// it, and it is the knock after the memory has ended that makes the pooler look.
func TestMemoryOfADatabaseThatWasAway(t *testing.T) {
	memory := &poolersim.Memory{Wait: time.Millisecond}
	remembering(t, memory, func(p *peer, ask func(string)) {
		again := poolersim.ServerLoginRetry.Message
		ask("")
		memory.Fail("connect failed")
		ask("query_wait_timeout")
		ask(again)
		time.Sleep(15 * time.Second)
		ask(again) // the pooler tries anew, in vain
		time.Sleep(5 * time.Second)
		memory.Mend()
		time.Sleep(10*time.Second - 2*time.Millisecond)
		ask(again)
		time.Sleep(2 * time.Millisecond)
		ask(again) // and now not in vain
		ask("")
		time.Sleep(time.Hour)
		ask("")
	})
}

// After any silence the first client hears the old answer, unless others knock.
func TestMemoryAfterSilence(t *testing.T) {
	memory := &poolersim.Memory{Retry: time.Minute, Named: true}
	remembering(t, memory, func(_ *peer, ask func(string)) {
		memory.Fail(refused)
		memory.Knock()
		memory.Mend()
		time.Sleep(time.Hour)
		ask(poolersim.CachedError(refused).Message)
		ask("")

		memory.Fail(refused)
		memory.Knock()
		memory.Fail("the database system is starting up") // which nobody has heard yet
		time.Sleep(time.Minute)
		ask(poolersim.CachedError(refused).Message)
		ask(poolersim.CachedError("the database system is starting up").Message)
		memory.Mend()
		time.Sleep(time.Minute)
		memory.Knock()
		ask("")
	})
}

// A client that waits is served by the pooler's next try, which nobody else has to
// ask for. A pool that never had a server refuses the login, before any password.
func TestMemoryOfAColdPool(t *testing.T) {
	memory := &poolersim.Memory{AtLogin: true, Retry: patience / 2}
	remembering(t, memory, func(p *peer, ask func(string)) {
		p.Set(memory.Guard(poolersim.Script{Auth: poolersim.Cleartext}))
		memory.Fail("connect failed")
		memory.Knock()
		ask(poolersim.ServerLoginRetry.Message)
		if n := p.Counts().Passwords; n != 0 {
			p.Errorf("%d passwords", n)
		}
		memory.Mend()
		time.Sleep(patience)
		memory.Knock()
		memory.Fail("connect failed")
		time.AfterFunc(patience/4, memory.Mend)
		begun := time.Now()
		ask("")
		if waited := time.Since(begun); waited != patience/2 {
			p.Errorf("waited for %s", waited)
		}
	})
}
