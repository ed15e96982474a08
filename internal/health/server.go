package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

// Limits of the HTTP server; every answer is small and made from memory.
const (
	readTimeout    = 3 * time.Second // a whole request, its header first
	writeTimeout   = 10 * time.Second
	idleTimeout    = time.Minute
	maxHeaderBytes = 16 << 10

	// maxConnections are open at most. Fewer when descriptors are short: some are
	// left for the probe, the store and the log.
	maxConnections   = 512
	ownDescriptors   = 32
	leastConnections = 8

	// lingering keeps the port open for a moment after the process was told to
	// end, so that /status can say so; drain is the most that open requests get
	// after that. Together they stay below the 5 s of docs/http.md#sigterm.
	lingering = 500 * time.Millisecond
	drain     = 3 * time.Second
)

// Serve answers on the listener until the context ends, then drains and closes
// the port. taken are the descriptors that others of this process may need, such as
// the proxy. It returns an error only when serving itself failed.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, taken int, log *slog.Logger) error {
	server := newServer(handler, log)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(newBoundedListener(listener, places(taken))) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	server.SetKeepAlivesEnabled(false)
	linger := time.NewTimer(lingering)
	defer linger.Stop()
	select {
	case err := <-failed:
		return err
	case <-linger.C:
	}
	closing, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           recovering(handler, log),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// OPTIONS * goes to the handler like any other method, and is refused there.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// recovering answers 500 where a handler fails, and says so: a page that is broken
// must not look like a sidecar that is gone.
func recovering(handler http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch fault := recover(); fault {
			case nil:
			case http.ErrAbortHandler:
				panic(fault)
			default:
				log.Error("a page failed, which is a fault of the sidecar's own", "path", r.URL.Path, "error", fmt.Sprint(fault), "stack", string(debug.Stack()))
				fail(w, http.StatusInternalServerError, "this page failed; the log says why")
			}
		}()
		handler.ServeHTTP(w, r)
	})
}
