package health

import (
	"fmt"
	"strconv"
	"time"

	m "dragonfly.internal/sidecar/internal/markup"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// scale turns times into the timeline's x. It is in per cent of the width, so that
// the picture fits every screen while its letters keep their size.
type scale struct {
	extent
	now time.Time
}

func (s scale) at(t time.Time) float64 {
	return float64(t.Sub(s.now.Add(-s.past))) / float64(s.past+s.ahead) * 100
}

func percent(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) + "%" }

func pixels(n int) string { return strconv.Itoa(n) }

// bar is a rectangle from one time to another.
func (s scale) bar(from, to time.Time, y, height int, class string) m.Part {
	x := s.at(from)
	return m.El("rect", m.Attr("class", class), m.Attr("x", percent(x)), m.Attr("width", percent(s.at(to)-x)),
		m.Attr("y", pixels(y)), m.Attr("height", pixels(height)))
}

// stroke is an upright line at a time.
func (s scale) stroke(t time.Time, top, bottom int, class string) m.Part {
	x := percent(s.at(t))
	return m.El("line", m.Attr("class", class), m.Attr("x1", x), m.Attr("x2", x),
		m.Attr("y1", pixels(top)), m.Attr("y2", pixels(bottom)))
}

func (s scale) label(t time.Time, text, class string) m.Part {
	return m.El("text", m.Attr("class", class), m.Attr("x", percent(s.at(t))), m.Attr("y", pixels(labelY)), m.Text(text))
}

// Where the rows of the timeline stand, in pixels from its top. The kinds differ in
// height and pattern as well as in colour.
const (
	bandY, bandHeight = 2, 40
	downY, downHeight = 22, 20
	loginY            = 52
	failedTop         = 46
	failedBottom      = 58
	axisY             = 62
	labelY            = 78
	timelineHeight    = 84
)

// drawTimeline is a picture of what the words beside it say.
func drawTimeline(s *supervisor.Snapshot, started, now time.Time, e extent, words string) m.Part {
	to, begin := scale{e, now}, now.Add(-e.past)
	ok, failed, _ := runs(s.Recent, begin, (e.past+e.ahead)/400)
	parts := m.Group{
		m.Class("timeline"), m.Attr("role", "img"), m.Attr("aria-label", words), m.Attr("height", pixels(timelineHeight)),
		to.bar(begin, now, bandY, bandHeight, "unknown"),
	}
	for _, one := range stretches(s, started, now, e) {
		y, height := bandY, bandHeight
		if one.kind == kindDown {
			y, height = downY, downHeight
		}
		parts = append(parts, to.bar(one.from, one.to, y, height, string(one.kind)))
	}
	for _, row := range ok {
		parts = append(parts, m.El("line", m.Class("login"), m.Attr("x1", percent(to.at(row.from))), m.Attr("x2", percent(to.at(row.to))),
			m.Attr("y1", pixels(loginY)), m.Attr("y2", pixels(loginY))))
	}
	for _, at := range failed {
		parts = append(parts, to.stroke(at, failedTop, failedBottom, "failed"))
	}
	for tick := begin.UTC().Truncate(e.step).Add(e.step); tick.Before(now.Add(e.ahead)); tick = tick.Add(e.step) {
		if x := to.at(tick); x > 5 && x < 95 && (x < to.at(now)-11 || x > to.at(now)+11) { // there is room for its label
			parts = append(parts, to.stroke(tick, axisY, axisY+4, "tick"), to.label(tick, tick.Format("15:04"), "hour"))
		}
	}
	return m.El("svg", append(parts, to.stroke(now, 0, axisY+4, "now"), to.label(now, "now", "hour"))...)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// hatch is the pattern of a window, for all the pictures of a page.
func hatch() m.Part {
	return m.El("svg", m.Class("unseen"), m.Attr("aria-hidden", "true"), m.El("pattern", m.ID("hatch"), m.Attr("width", "8"), m.Attr("height", "8"),
		m.Attr("patternUnits", "userSpaceOnUse"), m.Attr("patternTransform", "rotate(45)"),
		m.El("rect", m.Class("hatch-ground"), m.Attr("width", "8"), m.Attr("height", "8")),
		m.El("rect", m.Class("hatch-line"), m.Attr("width", "4"), m.Attr("height", "8"))))
}

// timelineWords say what the picture of a day shows.
func timelineWords(s *supervisor.Snapshot, started, now time.Time) string {
	begin := now.Add(-lastDay.past)
	_, failed, logins := runs(s.Recent, begin, 0)
	sums, known, words := tally(stretches(s, started, now, lastDay)), now.Sub(latest(started, begin)), ""
	for _, part := range []struct {
		kind kind
		name string
	}{{kindReady, "ready"}, {kindDown, "not ready"}, {kindWindow, "inside a lockout window"}, {kindIdle, "without a verdict"}} {
		if d := sums[part.kind]; d >= time.Minute {
			if words != "" {
				words += ", "
			}
			words += span(d) + " " + part.name
		}
	}
	if words != "" {
		words += ". "
	}
	words = fmt.Sprintf("%s%s, %d of them failed.", words, count(logins, "login"), len(failed))
	if known < lastDay.past-time.Minute {
		words += " This sidecar started " + span(known) + " ago."
	}
	return words
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// span is a duration in two units at most.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}
