package health

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"time"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
}).Parse(pageText))

// pagePolicy lets the page load nothing and run nothing.
var pagePolicy = []string{"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}

// page answers /, the status for people: no script, a reload every ten seconds.
func (h *handlers) page(w http.ResponseWriter, r *http.Request) int {
	if !h.allowed(r) {
		return unauthorized(w)
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, h.status(time.Now())); err != nil {
		panic(err) // the template and its data are this package's own
	}
	w.Header()["Content-Security-Policy"] = pagePolicy
	return write(w, http.StatusOK, htmlType, page.Bytes())
}
