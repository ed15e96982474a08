package poolersim

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Kind is what a client did: a closed set.
type Kind string

// The kinds of events.
const (
	Socket    Kind = "socket"    // connected
	Startup   Kind = "startup"   // sent a startup message
	Password  Kind = "password"  // sent a credential, right or wrong; SCRAM's proof is one
	Query     Kind = "query"     // asked to run a statement
	Terminate Kind = "terminate" // said goodbye
	Cancel    Kind = "cancel"    // sent a CancelRequest, over a socket of its own
)

// Event is one thing that a client did.
type Event struct {
	At     time.Time
	Conn   int // the number of its connection, from 1
	Kind   Kind
	Params map[string]string // of a Startup: user, database and the rest
}

// Counts says how often each kind of event has happened.
type Counts struct {
	Sockets, Startups, Passwords, Queries, Terminates, Cancels int
}

// Counts is a consistent picture of this moment.
func (srv *Server) Counts() Counts {
	n := make(map[Kind]int)
	for _, event := range srv.Events() {
		n[event.Kind]++
	}
	return Counts{n[Socket], n[Startup], n[Password], n[Query], n[Terminate], n[Cancel]}
}

// Events lists what clients have done so far, oldest first. Not to be changed:
// the parameters are shared.
func (srv *Server) Events() []Event { return srv.ledger.all() }

// Params lists the parameters of the startup messages so far, oldest first.
func (srv *Server) Params() []map[string]string {
	var list []map[string]string
	for _, event := range srv.Events() {
		if event.Kind == Startup {
			list = append(list, event.Params)
		}
	}
	return list
}

// ledger is the list of events. The zero value is empty.
type ledger struct {
	mu     sync.Mutex
	events []Event
}

func (l *ledger) add(conn int, kind Kind, params map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, Event{time.Now(), conn, kind, maps.Clone(params)})
}

func (l *ledger) all() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}
