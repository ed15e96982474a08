package serve

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// rotation is the DSN in use, and how another one takes its place while the
// process runs: from DATABASE_URL_FILE, or because the judgement of the same one
// has changed. Use [newRotation].
type rotation struct {
	config  config.Config
	store   store.Store
	log     *slog.Logger
	hangup  <-chan os.Signal
	current atomic.Pointer[database.Database]

	judged string // the text that was judged last, also one that was refused
	fault  string // why the file could not be read, the last time it was said
}

// newRotation reads the DSN of the environment. A file that cannot be read is no
// configuration yet; it may come.
func newRotation(c config.Config, place store.Store, hangup <-chan os.Signal, log *slog.Logger) *rotation {
	r := &rotation{config: c, store: place, log: log, hangup: hangup}
	text, err := c.DSN()
	r.complain(err)
	r.judged = text
	r.use(database.New(text, c))
	return r
}

// use puts a database in the place of the one before, and says so.
func (r *rotation) use(db database.Database) database.Database {
	db = db.Salted(r.store.Salt())
	r.current.Store(&db)
	announce(r.log, db)
	return db
}

// Judge is the guard's verdict on the DSN in use.
func (r *rotation) judge(now time.Time) dsn.Report { return r.current.Load().Judge(now) }

// judgeDialled is judge, and says nothing of a DSN that is never dialled.
func (r *rotation) judgeDialled(now time.Time) dsn.Report {
	if r.current.Load().Target.Fault != "" {
		return dsn.Report{}
	}
	return r.judge(now)
}

// fileEvery is how often the file is read. Reading it also sees what a file
// system's notices do not: swapped symlinks of mounted secrets, network disks.
const fileEvery = time.Second

// watch takes up a new DSN of the file, and on SIGHUP whatever has changed there
// and in the store, until the context ends.
func (r *rotation) watch(ctx context.Context, sup *supervisor.Supervisor) {
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	if r.config.URLFile == "" {
		tick.Stop()
	}
	before := r.judged // what the file held at the last look
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.hangup:
			r.log.Info("SIGHUP: reading the DSN and the store anew")
			sup.Reload(ctx)
			if text, ok := r.look(ctx, sup); ok {
				r.change(ctx, sup, text)
			}
		case <-tick.C:
			text, ok := r.look(ctx, sup)
			if !ok {
				continue
			}
			// Somebody may be writing it just now: half a DSN is another DSN.
			if text == before && text != r.judged {
				r.change(ctx, sup, text)
			}
			before = text
		}
	}
}

// change judges a text and uses it, unless it is refused and the one in use is not.
func (r *rotation) change(ctx context.Context, sup *supervisor.Supervisor, text string) {
	r.judged = text
	db := database.New(text, r.config)
	if db.Target.Fault != "" && r.current.Load().Target.Fault == "" {
		findings(r.log, db)
		r.log.Error("the new DSN is refused; the one before stays in use", "reason", db.Target.Fault)
		sup.Pend(ctx, db.Report.Findings)
		return
	}
	db = r.use(db)
	sup.Retarget(ctx, subject(db))
}

// look reads the DSN, and reports whether there is one. That the file is gone, or
// empty, while its DSN is in use is made known, since the next start would have none;
// what comes back is judged again.
func (r *rotation) look(ctx context.Context, sup *supervisor.Supervisor) (text string, ok bool) {
	text, err := r.config.DSN()
	if err != nil && r.fault == "" && r.current.Load().Target.Fault == "" {
		r.judged = ""
		sup.Pend(ctx, []dsn.Finding{{Code: dsn.DSNFileMissing, Severity: dsn.Error, Message: err.Error() + ".",
			Hint: "The next start has no DSN: put the file back."}})
	}
	return text, !r.complain(err)
}

// complain says once why the file cannot be read, and reports whether it cannot.
func (r *rotation) complain(err error) bool {
	if err == nil {
		r.fault = ""
		return false
	}
	if text := err.Error(); text != r.fault {
		r.fault = text
		r.log.Error(text + "; the DSN before, if there was one, stays in use")
	}
	return true
}

// announce writes what is asked, and what the guard says: at the start and after
// each change.
func announce(log *slog.Logger, db database.Database) {
	if d := db.Report.DSN; db.Raw != "" {
		log.LogAttrs(context.Background(), slog.LevelInfo, d.Line(), d.Attrs()...)
	}
	findings(log, db)
}

// findings writes what the guard has against a DSN.
func findings(log *slog.Logger, db database.Database) {
	for _, f := range db.Report.Findings {
		level := slog.LevelError
		if f.Severity == dsn.Warning {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, fmt.Sprintf("DATABASE_URL: %s: %s", f.Code, f.Message), "code", f.Code, "hint", f.Hint)
	}
}
