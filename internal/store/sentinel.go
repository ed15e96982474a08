package store

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

// sentinels find the server that may be written, of several that copy each other.
type sentinels struct {
	server url.URL // of any of them, without its host
	name   string  // of the group, as the sentinels know it

	mu    sync.Mutex
	hosts []string // the one that has answered last comes first
}

const (
	sentinelWithin = 500 * time.Millisecond // one that is away may not use up all the time
	// serverFor is how long a connection is used until the sentinels are asked again: an
	// old server that lost touch with them may go on answering. It is shorter than a
	// lease, so that a leader has moved before another one can be.
	serverFor = 5 * time.Second
)

// newSentinels reads redis+sentinel://[user:password@]host[:port][,...]/name[/database].
func newSentinels(u *url.URL) *sentinels {
	s := &sentinels{server: *u}
	s.server.Scheme, _, _ = strings.Cut(u.Scheme, "+")
	var database string
	s.name, database, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	s.server.Path = "/" + database
	for host := range strings.SplitSeq(u.Host, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), "26379")
		}
		s.hosts = append(s.hosts, host)
	}
	return s
}

// dial connects to the server that may be written now.
func (s *sentinels) dial(ctx context.Context) (redis.Conn, error) {
	host, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	server := s.server
	server.Host = host
	c, err := redis.DialURLContext(ctx, server.String(), redis.DialConnectTimeout(connectWithin))
	if err != nil {
		return nil, &placeError{"the server " + host + " that the sentinel names", err}
	}
	role, err := redis.Values(redis.DoContext(c, ctx, "ROLE"))
	if err == nil && len(role) > 0 {
		if is, _ := redis.String(role[0], nil); is != "master" {
			c.Close()
			return nil, &placeError{"the server " + host + " that the sentinel names", &redisFault{"it is no master (" + is + ")"}}
		}
	}
	return c, nil // who may not ask for the role learns it from the first writing
}

// find asks the sentinels in turn, until one knows.
func (s *sentinels) find(ctx context.Context) (host string, err error) {
	s.mu.Lock()
	hosts := slices.Clone(s.hosts)
	s.mu.Unlock()
	for i, at := range hosts {
		var known []string
		known, err = s.ask(ctx, at)
		switch {
		case err != nil:
			err = &placeError{"the sentinel " + at, err}
			continue
		case len(known) != 2:
			err = &placeError{"the sentinel " + at, &redisFault{"it knows no group " + s.name}}
			continue
		}
		s.mu.Lock()
		s.hosts = slices.Insert(slices.Delete(hosts, i, i+1), 0, at)
		s.mu.Unlock()
		return net.JoinHostPort(known[0], known[1]), nil
	}
	return "", err
}

// ask asks one sentinel, which gets the password only if it wants one.
func (s *sentinels) ask(ctx context.Context, at string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, sentinelWithin)
	defer cancel()
	known, err := s.askAs(ctx, at, nil)
	if refused, ok := errors.AsType[redis.Error](err); ok && refusalWord(refused) == "NOAUTH" && s.server.User != nil {
		known, err = s.askAs(ctx, at, s.server.User)
	}
	if refused, ok := errors.AsType[redis.Error](err); ok && refusalWord(refused) == "ERR" {
		err = &redisFault{"it is no sentinel"}
	}
	return known, err
}

// askAs is the host and port of the server; nothing when the sentinel knows no such group.
func (s *sentinels) askAs(ctx context.Context, at string, user *url.Userinfo) ([]string, error) {
	u := url.URL{Scheme: s.server.Scheme, Host: at, User: user}
	c, err := redis.DialURLContext(ctx, u.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	known, err := redis.Strings(redis.DoContext(c, ctx, "SENTINEL", "get-master-addr-by-name", s.name))
	if errors.Is(err, redis.ErrNil) {
		return nil, nil
	}
	return known, err
}

// placeError is an error of one of several servers.
type placeError struct {
	place string
	err   error
}

func (e *placeError) Error() string { return e.place + ": " + plainFault(e.err) }

func (e *placeError) Unwrap() error { return e.err }
