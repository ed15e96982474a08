// Package chart draws the figures of the docs as SVG: bars and curves on logarithmic
// scales. What is drawn depends on the values alone, so that a test can hold a picture
// against them.
package chart

import (
	"fmt"
	"math"
	"strings"
)

// width is that of every figure.
const width = 720

// frame is a figure with a title and what is drawn in it.
func frame(height int, title, drawn string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height) +
		fmt.Sprintf(`<rect width="%d" height="%d" fill="#fff"/><text x="10" y="20" font-size="14">%s</text>`+"\n", width, height, title) + drawn + "</svg>\n"
}

// Bar is one value of a group.
type Bar struct {
	Name   string
	Colour string
	Value  int
}

// Group is some bars with a name.
type Group struct {
	Name string
	Bars []Bar
}

// Bars shows values up to a million; each step of the scale is ten times more.
func Bars(title string, groups []Group) string {
	const left, length, bar, gap, top = 210, 420, 16, 14, 34
	var b strings.Builder
	y := top
	for _, g := range groups {
		fmt.Fprintf(&b, `<text x="10" y="%d">%s</text>`+"\n", y+12, g.Name)
		for _, one := range g.Bars {
			long := int(length * math.Log10(float64(max(one.Value, 1))) / 6)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/><text x="%d" y="%d">%d, %s</text>`+"\n",
				left, y, max(long, 1), bar-3, one.Colour, left+long+6, y+11, one.Value, one.Name)
			y += bar
		}
		y += gap
	}
	return frame(y+10, title, b.String())
}

// Point is one measurement. Both values are above zero.
type Point struct{ X, Y float64 }

// Curve is measurements in the order of X.
type Curve struct {
	Name   string
	Colour string
	Points []Point
}

// Lines shows curves over doubly logarithmic scales, whose lines are powers of ten.
func Lines(title, x, y string, curves []Curve) string {
	const left, right, top, bottom, height = 70, 150, 50, 50, 320
	lowest, highest := curves[0].Points[0], curves[0].Points[0]
	for _, c := range curves {
		for _, p := range c.Points {
			lowest = Point{min(lowest.X, p.X), min(lowest.Y, p.Y)}
			highest = Point{max(highest.X, p.X), max(highest.Y, p.Y)}
		}
	}
	from := Point{math.Log10(lowest.X), math.Floor(math.Log10(lowest.Y))}
	to := Point{math.Max(math.Log10(highest.X), from.X+0.1), math.Max(math.Ceil(math.Log10(highest.Y)), from.Y+1)}
	place := func(p Point) (float64, float64) {
		return left + (math.Log10(p.X)-from.X)/(to.X-from.X)*(width-left-right),
			height - bottom - (math.Log10(p.Y)-from.Y)/(to.Y-from.Y)*(height-top-bottom)
	}
	var b strings.Builder
	for power := from.Y; power <= to.Y; power++ {
		_, at := place(Point{lowest.X, math.Pow(10, power)})
		fmt.Fprintf(&b, `<path d="M%d %.0fH%d" stroke="#d0d5dd"/><text x="%d" y="%.0f" text-anchor="end">%g</text>`+"\n", left, at, width-right, left-6, at+4, math.Pow(10, power))
	}
	marked := make(map[float64]bool)
	for _, c := range curves {
		var path strings.Builder
		path.WriteString("M")
		var dots strings.Builder
		for _, p := range c.Points {
			px, py := place(p)
			fmt.Fprintf(&path, "%.0f %.0f ", px, py)
			fmt.Fprintf(&dots, `<circle cx="%.0f" cy="%.0f" r="3" fill="%s"/>`, px, py, c.Colour)
			if !marked[p.X] {
				fmt.Fprintf(&dots, `<text x="%.0f" y="%d" text-anchor="middle">%g</text>`, px, height-bottom+18, p.X)
			}
			marked[p.X] = true
		}
		_, end := place(c.Points[len(c.Points)-1])
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>%s<text x="%d" y="%.0f" fill="%s">%s</text>`+"\n",
			strings.TrimSpace(path.String()), c.Colour, dots.String(), width-right+10, end+4, c.Colour, c.Name)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text><text x="10" y="34">%s</text>`+"\n", (left+width-right)/2, height-12, x, y)
	return frame(height, title, b.String())
}
