package poolersim

import (
	"cmp"
	"sync"
	"time"
)

// Memory is a database behind a pooler that remembers its last login there, as
// PgBouncer does (docs/facts.md#pgbouncer-memory). While the database is well its
// clients pass. Once it is not, the first of them makes the pooler try to log in and
// waits for that; the others hear at once what the last try has met. A client that
// knocks when that try is older than Retry makes the pooler try anew: it still hears
// the old answer, and the next one hears of the new try. So a
// database that is back is heard of within Retry where clients knock often, and the
// first one after a long silence is refused although all is well.
//
// Wire it into a script with [Memory.Guard]. The zero value is a database that is
// well, behind a PgBouncer before 1.24 with a warm pool. The fields are not to
// be changed once it is in use.
type Memory struct {
	Retry   time.Duration // how old a try may be before the pooler makes another; zero: PgBouncer's 15 s
	Named   bool          // the answer carries the cause, as since PgBouncer 1.24
	AtLogin bool          // clients are refused at their login, as by a pool that never had a server
	Wait    time.Duration // a client that waits for a server is refused after it; zero: PgBouncer's 120 s

	mu    sync.Mutex
	cause string    // what a login at the database meets now; empty: it is let in
	met   string    // what the last try met; empty: it was let in
	tried time.Time // when that was
}

// Guard is the script with the memory in front of its queries, or of its logins. A
// script that Choose returns has to be guarded itself.
func (m *Memory) Guard(script Script) Script {
	if m.AtLogin {
		script.OnStartup = recall{m, script.OnStartup}
	} else {
		script.OnQuery = recall{m, script.OnQuery}
	}
	return script
}

// Fail makes every login at the database fail from now on, with these words: of the
// database, or of the pooler about one that is away ("connect failed"). The
// connections that the pooler had are gone.
func (m *Memory) Fail(cause string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cause = cause
}

// Mend lets logins at the database in again. The pooler learns of it by its next try.
func (m *Memory) Mend() { m.Fail("") }

// Knock is another client of the same pooler that asks for a server.
func (m *Memory) Knock() { m.knock() }

// knock makes the pooler try when it is time, and returns what it remembered before.
func (m *Memory) knock() (remembered string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	remembered = m.met
	now := time.Now()
	if remembered == "" || now.Sub(m.tried) >= m.retry() {
		m.met, m.tried = m.cause, now
	}
	return remembered
}

// served reports whether the last try was let in, and when the next one is due.
func (m *Memory) served() (bool, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.met == "", m.tried.Add(m.retry())
}

func (m *Memory) retry() time.Duration { return cmp.Or(m.Retry, 15*time.Second) }

// refusal is what a client hears of a login that met the cause.
func (m *Memory) refusal(cause string) Refusal {
	if m.Named {
		return CachedError(cause)
	}
	return ServerLoginRetry
}

// recall answers from memory, and lets a client pass while there is none.
type recall struct {
	memory *Memory
	next   Act
}

func (r recall) perform(s *session) error {
	m := r.memory
	if cause := m.knock(); cause != "" {
		return m.refusal(cause).perform(s)
	}
	for patience := time.Now().Add(cmp.Or(m.Wait, 120*time.Second)); ; {
		served, again := m.served()
		switch {
		case served:
			return s.act(r.next)
		case !again.Before(patience):
			if err := (Slow{By: time.Until(patience)}).perform(s); err != nil {
				return err
			}
			return QueryWaitTimeout.perform(s)
		}
		// Who waits makes the pooler try too, also one that has left meanwhile.
		if err := (Slow{By: time.Until(again)}).perform(s); err != nil {
			return err
		}
		m.knock()
	}
}
