package health

import (
	_ "embed"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"
)

// The page's style and script are files of their own, so that its policy needs no
// exception for text inside the page.
var (
	//go:embed page.css
	pageStyle []byte
	//go:embed page.js
	pageScript []byte
)

var (
	cssType = []string{"text/css; charset=utf-8"}
	jsType  = []string{"text/javascript; charset=utf-8"}
)

// pagePolicy lets the page load its own style and script, ask for itself again, and
// nothing else.
var pagePolicy = []string{"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}

// page answers /, the status for people. Its script asks for it again and replaces
// what has changed.
func (h *handlers) page(w http.ResponseWriter, r *http.Request) int {
	s, now := h.source.Snapshot(), time.Now()
	return h.people(w, r, func() []byte { return layout(pageData{h.status(s, now), s, h.started, now}) })
}

// runbook answers /runbook, the runbook of this version.
func (h *handlers) runbook(w http.ResponseWriter, r *http.Request) int {
	return h.people(w, r, runbookPage)
}

// people writes a page for people, to those who have the token.
func (h *handlers) people(w http.ResponseWriter, r *http.Request, render func() []byte) int {
	if !h.allowed(r) {
		return statusUnauthorized(w)
	}
	w.Header()["Content-Security-Policy"] = pagePolicy
	w.Header()["Referrer-Policy"] = []string{"no-referrer"}
	return write(w, http.StatusOK, htmlType, render())
}

// style and script hold nothing of the database and need no token.
func (h *handlers) style(w http.ResponseWriter, _ *http.Request) int {
	return write(w, http.StatusOK, cssType, pageStyle)
}

func (h *handlers) script(w http.ResponseWriter, _ *http.Request) int {
	return write(w, http.StatusOK, jsType, pageScript)
}

// assets tells one version of the page's style and script from another, so that a
// page that is open through an upgrade loads itself anew.
var assets = func() string {
	sum := fnv.New32a()
	sum.Write(pageStyle)
	sum.Write(pageScript)
	return strconv.FormatUint(uint64(sum.Sum32()), 16)
}()
