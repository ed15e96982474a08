package chart

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// TestCharts: what is drawn can be read by a browser, lies inside the figure, and grows
// with the values.
func TestCharts(t *testing.T) {
	lines := Lines("title", "x", "y", []Curve{{"a", "#111111", []Point{{1, 0.5}, {10, 50}}}, {"b", "#222222", []Point{{1, 2}, {10, 200}}}})
	for name, picture := range map[string]string{
		"lines": lines, "one point": Lines("t", "x", "y", []Curve{{"a", "#111111", []Point{{4, 3}}}}),
		"bars": Bars("title", []Group{{"g", []Bar{{"few", "#111111", 0}, {"many", "#222222", 1e6}}}}),
	} {
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, picture)
			}
		}
		if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
			t.Errorf("%s: %s", name, picture)
		}
	}
	for _, want := range []string{`d="M70 232 570 122"`, `>0.1</text>`, `>1000</text>`} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %s in\n%s", want, lines)
		}
	}
}
