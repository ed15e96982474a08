// Package apisim is a simulated management API of Supabase, for tests: the network
// bans of one project (docs/facts.md#lifting-a-ban).
package apisim

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Requester is the address at which the API sees every client.
const Requester = "203.0.113.7"

// Server is the API of one project. Use [Listen] or [ListenTLS].
type Server struct {
	*httptest.Server
	// Sticky bans are back before anybody can look.
	Sticky bool

	ref, token string
	mu         sync.Mutex
	banned     []string
	calls      []string
	broken     http.HandlerFunc
}

// Listen serves the bans of a project to the holder of a token.
func Listen(ref, token string, banned ...string) *Server {
	s := &Server{ref: ref, token: token, banned: banned}
	s.Server = httptest.NewServer(s)
	return s
}

// ListenTLS is Listen with a certificate that only Server.Certificate trusts.
func ListenTLS(ref, token string, banned ...string) *Server {
	s := &Server{ref: ref, token: token, banned: banned}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are the client's to tell
	s.StartTLS()
	return s
}

// Break answers every call in another way; nil mends it.
func (s *Server) Break(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = answer
}

// Calls are the calls so far, each as its method, path and body.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Addresses []string `json:"ipv4_addresses"`
		Requester bool     `json:"requester_ip"`
	}
	json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	project := "/v1/projects/" + s.ref + "/network-bans"
	switch {
	case s.broken != nil:
		broken := s.broken
		s.mu.Unlock()
		broken(w, r)
		s.mu.Lock()
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		fail(w, http.StatusUnauthorized)
	case r.Method == http.MethodPost && r.URL.Path == project+"/retrieve":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(map[string]any{"banned_ipv4_addresses": append([]string{}, s.banned...)})
	case r.Method == http.MethodDelete && r.URL.Path == project && body.Addresses != nil:
		if body.Requester {
			body.Addresses = append(body.Addresses, Requester)
		}
		if !s.Sticky {
			s.banned = slices.DeleteFunc(s.banned, func(a string) bool { return slices.Contains(body.Addresses, a) })
		}
	default:
		fail(w, http.StatusNotFound)
	}
}

func fail(w http.ResponseWriter, code int) {
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"message": http.StatusText(code)})
}
