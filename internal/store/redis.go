package store

import (
	"context"
	"embed"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Redis runs the scripts of a shared record. It keeps no state of its own but the
// connections, and repeats a question once, on a new connection, when the one before
// had been closed meanwhile: each script may be run twice. Use [NewRedis]. Its
// methods may be called by several goroutines.
type Redis struct {
	address string // without user and password, for people
	pool    *redis.Pool
	warned  atomic.Pointer[string]
	demoted atomic.Int64 // when one of the connections was found to lead to a copy that cannot be written

	// dial makes a connection; tests put a bad one in its place.
	dial func(ctx context.Context) (redis.Conn, error)
}

// oldestRedis is the first version whose scripts may write after they have asked
// for the time.
const oldestRedis = 5

// connectWithin bounds a connect, also where the caller has more time.
const connectWithin = 2 * time.Second

// NewRedis returns the Redis of a redis:// or rediss:// URL, or with +sentinel the one
// that the sentinels name: redis+sentinel://a:26379,b:26379/name/0. It connects when it
// is first asked.
func NewRedis(u *url.URL) *Redis {
	r := &Redis{pool: &redis.Pool{MaxIdle: 2}}
	if strings.HasSuffix(u.Scheme, "+sentinel") {
		s := newSentinels(u)
		r.address, r.dial = u.Scheme+"://"+strings.Join(s.hosts, ",")+"/"+s.name, s.dial
		r.pool.MaxConnLifetime = serverFor
	} else {
		r.address = u.Scheme + "://" + net.JoinHostPort(u.Hostname(), portOf(u))
		r.dial = func(ctx context.Context) (redis.Conn, error) {
			return redis.DialURLContext(ctx, u.String(), redis.DialConnectTimeout(connectWithin))
		}
	}
	r.pool.DialContext = r.connect
	r.pool.TestOnBorrow = func(_ redis.Conn, used time.Time) error {
		if used.UnixNano() <= r.demoted.Load() {
			return errDemoted
		}
		return nil
	}
	return r
}

// errDemoted ends a connection that leads to a server which cannot be written any more.
var errDemoted = errors.New("it is a replica now")

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return "6379"
}

// Address names the server without its secrets.
func (r *Redis) Address() string { return r.address }

// Warning says what is wrong with a server that answers; empty: nothing is.
func (r *Redis) Warning() string {
	if w := r.warned.Load(); w != nil {
		return *w
	}
	return ""
}

// Close ends the connections.
func (r *Redis) Close() error { return r.pool.Close() }

// connect makes a connection and looks at what answers there.
func (r *Redis) connect(ctx context.Context) (redis.Conn, error) {
	c, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	info, err := redis.String(redis.DoContext(c, ctx, "INFO"))
	if refused, ok := errors.AsType[redis.Error](err); ok && refusalWord(refused) == "NOPERM" {
		return c, nil // not needed, only useful
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	warning := ""
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "redis_version":
			major, _, _ := strings.Cut(value, ".")
			if n, err := strconv.Atoi(major); err == nil && n < oldestRedis {
				c.Close()
				return nil, &redisFault{"its version " + value + " is too old: 5.0 or later is needed"}
			}
		case "maxmemory_policy":
			if strings.HasPrefix(value, "allkeys-") {
				warning = "maxmemory-policy is " + value + ", which may drop a lockout window when memory runs short: set noeviction or a volatile-* policy"
			}
		}
	}
	r.warned.Store(&warning)
	return c, nil
}

//go:embed lua/*.lua
var luaFiles embed.FS

// script is one of the files below lua.
func script(name string) *redis.Script {
	text := func(name string) string {
		t, err := luaFiles.ReadFile("lua/" + name + ".lua")
		if err != nil {
			panic(err) // a name that is not ours
		}
		return string(t)
	}
	return redis.NewScript(3, text("answer")+text(name))
}

var (
	readScript  = script("read")
	lookScript  = script("look")
	saveScript  = script("save")
	clearScript = script("clear")
	leaveScript = script("leave")
)

// run runs a script by the context's deadline. The times at which it was asked and
// answered come back on this process's clock.
func (r *Redis) run(ctx context.Context, s *redis.Script, args ...any) (Answer, error) {
	for again := true; ; again = false {
		a, err := r.runOnce(ctx, s, args)
		switch {
		case err == nil:
			return a, nil
		case isReplica(err): // a name may lead to another server by now
			r.demoted.Store(time.Now().UnixNano())
			fallthrough
		case closed(err):
			if again && ctx.Err() == nil {
				continue
			}
		}
		return a, &AwayError{Address: r.address, Why: plainFault(err), cause: err}
	}
}

func (r *Redis) runOnce(ctx context.Context, s *redis.Script, args []any) (Answer, error) {
	c, err := r.pool.GetContext(ctx)
	if err != nil {
		return Answer{}, err
	}
	defer c.Close()
	asked := time.Now()
	reply, err := redis.Values(s.DoContext(ctx, c, args...))
	if err != nil {
		return Answer{}, err
	}
	return readAnswer(reply, asked, time.Now())
}

// isReplica reports whether a server refuses because it copies another one.
func isReplica(err error) bool {
	refused, ok := errors.AsType[redis.Error](err)
	return ok && refusalWord(refused) == "READONLY"
}

// refusalWord is Redis' error word. Of a command in a script some versions hide it: 5
// and 6 behind an ERR of the script, 7 the one of a missing right in a sentence.
func refusalWord(refused redis.Error) string {
	text := string(refused)
	word, _, _ := strings.Cut(text, " ")
	if strings.Contains(text, "user executing the script can't") {
		return "NOPERM"
	}
	if _, inner, found := strings.Cut(text, " -"); found && word == "ERR" {
		if inner, _, _ = strings.Cut(inner, " "); refusals[inner] != "" {
			return inner
		}
	}
	return word
}

// closed reports whether a connection was gone before it was used.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// AwayError says that Redis gave no answer that can be used.
type AwayError struct {
	Address string
	Why     string
	cause   error
}

func (e *AwayError) Error() string { return e.Address + ": " + e.Why }

func (e *AwayError) Unwrap() error { return e.cause }

// redisFault is a fault that is said in our words.
type redisFault struct{ text string }

func (e *redisFault) Error() string { return e.text }

// plainFault is what is wrong in one line, without what was sent.
func plainFault(err error) string {
	if at, ok := errors.AsType[*placeError](err); ok {
		return at.Error()
	}
	if own, ok := errors.AsType[*redisFault](err); ok {
		return own.text
	}
	if refused, ok := errors.AsType[redis.Error](err); ok {
		word := refusalWord(refused)
		if text, known := refusals[word]; known {
			return text
		}
		return "it refuses a command (" + strings.Trim(word, ":") + ")"
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it does not answer in time"
	case closed(err):
		return "it closed the connection"
	}
	if at, ok := errors.AsType[*net.OpError](err); ok {
		return at.Op + ": " + at.Err.Error()
	}
	return err.Error()
}

// refusals are Redis' error words that a person can act on.
var refusals = map[string]string{
	"WRONGPASS":  "wrong user or password in SIDECAR_STATE (WRONGPASS)",
	"NOAUTH":     "it wants a password, and SIDECAR_STATE has none (NOAUTH)",
	"NOPERM":     "the user in SIDECAR_STATE may not run what is needed: +@hash +@sortedset +@scripting +time +pexpire on ~sidecar:* (NOPERM)",
	"READONLY":   "it is a replica, which cannot be written (READONLY)",
	"MISCONF":    "it takes no writes because it cannot save to its disk (MISCONF)",
	"OOM":        "it is out of memory (OOM)",
	"LOADING":    "it is still loading its data (LOADING)",
	"MASTERDOWN": "its master is away (MASTERDOWN)",
	"BUSY":       "it is busy with somebody's script (BUSY)",
	"ERR":        "it refuses a command; SIDECAR_STATE may name a password that the server does not have, or a database that is not there (ERR)",
}
