package dashboard

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// barChart is a chart of columns, one for each point in time.
type barChart struct {
	// Label says what is shown, for those who do not see it.
	Label string
	// Top is the value at the upper edge; Ticks are times below the columns.
	Top   uint64
	Ticks []string
	// Width and Height are those of the drawing's own coordinates.
	Width, Height int
	Bars          []bar
	// Kinds are what columns are made of, from the bottom up.
	Kinds []string
}

// bar is a column, with what it is made of from the bottom up.
type bar struct {
	At time.Time
	X  int
	// Says tells its numbers in words.
	Says   string
	Values []uint64
	Parts  []barPart
}

type barPart struct {
	Kind string
	Y, H float64
}

// The measures of a column, in the drawing's coordinates.
const (
	barStep, barWidth, chartHeight = 10, 7, 100
)

// callsChart shows calls, and how many of them were errors.
func callsChart(points []Point) barChart {
	c := barChart{Width: len(points) * barStep, Height: chartHeight, Kinds: []string{"good", "client", "server"}}
	var calls, clients, servers uint64
	for _, p := range points {
		c.Top = max(c.Top, p.Count)
		calls += p.Count
		clients += p.ClientErrors
		servers += p.ServerErrors
	}
	c.Top = roundTop(c.Top)
	c.Label = fmt.Sprintf("Calls by minute: %s in all, %s of them 4xx and %s 5xx", showExact(calls), showExact(clients), showExact(servers))
	for i, p := range points {
		errors := p.ClientErrors + p.ServerErrors
		b := bar{At: p.At, X: i * barStep, Values: []uint64{p.Count - min(errors, p.Count), p.ClientErrors, p.ServerErrors}}
		b.Says = fmt.Sprintf("%s UTC: %s calls, %s 4xx, %s 5xx", showClock(p.At), showExact(p.Count), showExact(p.ClientErrors), showExact(p.ServerErrors))
		bottom := float64(chartHeight)
		for part, value := range b.Values {
			if value == 0 {
				continue
			}
			// What is there at all is to be seen.
			h := math.Max(chartHeight*float64(value)/float64(c.Top), 1.5)
			bottom -= h
			b.Parts = append(b.Parts, barPart{c.Kinds[part], tenth(bottom), tenth(h)})
		}
		c.Bars = append(c.Bars, b)
		if i%(max(len(points)/6, 1)) == 0 {
			c.Ticks = append(c.Ticks, showClock(p.At))
		}
	}
	return c
}

// roundTop is a round number that is not less than n.
func roundTop(n uint64) uint64 {
	for _, step := range []uint64{1, 2, 3, 4, 5, 6, 8} {
		if n <= step {
			return step
		}
	}
	for scale := uint64(1); ; scale *= 10 {
		for _, step := range []uint64{10, 15, 20, 30, 40, 50, 60, 80} {
			if step*scale >= n || scale > math.MaxUint64/1000 {
				return step * scale
			}
		}
	}
}

func tenth(f float64) float64 { return math.Round(f*10) / 10 }

// sparkline is a small line of a number over time, without axes.
type sparkline struct {
	Label string
	Width int
	// Line and Area are paths of SVG; empty where there is nothing to draw.
	Line, Area string
}

const sparkHeight = 24

func callsLine(points []Point) sparkline {
	s := sparkline{Width: max(2*(len(points)-1), 1)}
	var top uint64
	for _, p := range points {
		top = max(top, p.Count)
	}
	s.Label = fmt.Sprintf("Calls by minute, %s at most", showExact(top))
	if top == 0 {
		return s
	}
	var line strings.Builder
	for i, p := range points {
		command := 'L'
		if i == 0 {
			command = 'M'
		}
		fmt.Fprintf(&line, "%c%d %v", command, 2*i, tenth(sparkHeight-1-(sparkHeight-2)*float64(p.Count)/float64(top)))
	}
	s.Line = line.String()
	s.Area = fmt.Sprintf("%sL%d %dL0 %dZ", s.Line, s.Width, sparkHeight, sparkHeight)
	return s
}
