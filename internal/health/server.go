package health

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of the HTTP server; every answer is small and made from memory.
const (
	readHeaderTimeout = 3 * time.Second
	readTimeout       = 5 * time.Second
	writeTimeout      = 10 * time.Second
	idleTimeout       = time.Minute
	maxHeaderBytes    = 16 << 10

	// lingering keeps the port open for a moment after the process was told to
	// end, so that /status can say so; drain is the most that open requests get
	// after that. Together they stay below the 5 s of docs/http.md#sigterm.
	lingering = 500 * time.Millisecond
	drain     = 3 * time.Second
)

// Serve answers on the listener until the context ends, then drains and closes
// the port. It returns an error only when serving itself failed.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// OPTIONS * goes to the handler like any other method, and is refused there.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
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
