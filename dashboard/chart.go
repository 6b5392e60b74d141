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
	Ticks []chartTick
	// Width and Height are those of the drawing's own coordinates.
	Width, Height int
	Bars          []bar
	// Kinds are what columns are made of, from the bottom up.
	Kinds []string
}

// chartTick is a text below a column.
type chartTick struct {
	Text string
	X    int
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

// newBarChart begins a chart whose columns are made of these kinds of parts.
func newBarChart(kinds ...string) barChart { return barChart{Height: chartHeight, Kinds: kinds} }

// add adds a column: its values are those of its parts. What stands below it may be empty.
func (c *barChart) add(at time.Time, tick, says string, values ...uint64) {
	c.Bars = append(c.Bars, bar{At: at, X: len(c.Bars) * barStep, Says: says, Values: values})
	if tick != "" {
		c.Ticks = append(c.Ticks, chartTick{tick, len(c.Bars)*barStep - barStep})
	}
}

// done gives the columns their heights.
func (c barChart) done(label string) barChart {
	c.Label, c.Width = label, len(c.Bars)*barStep
	for _, b := range c.Bars {
		var sum uint64
		for _, value := range b.Values {
			sum += value
		}
		c.Top = max(c.Top, sum)
	}
	c.Top = roundTop(c.Top)
	for i := range c.Bars {
		bottom := float64(chartHeight)
		for part, value := range c.Bars[i].Values {
			if value == 0 {
				continue
			}
			// What is there at all is to be seen.
			h := math.Max(chartHeight*float64(value)/float64(c.Top), 1.5)
			bottom -= h
			c.Bars[i].Parts = append(c.Bars[i].Parts, barPart{c.Kinds[part], tenth(bottom), tenth(h)})
		}
	}
	return c
}

// callsChart shows calls, and how many of them were errors.
func callsChart(points []Point) barChart {
	c := newBarChart("good", "client", "server")
	var sum summary
	for i, p := range points {
		sum.Calls += p.Count
		sum.ClientErrors += p.ClientErrors
		sum.ServerErrors += p.ServerErrors
		tick := ""
		if p.At.UTC().Minute()%10 == 0 && tickFits(i, len(points)) {
			tick = showClock(p.At)
		}
		errors := min(p.ClientErrors+p.ServerErrors, p.Count)
		c.add(p.At, tick, fmt.Sprintf("%s UTC: %s calls, %s 4xx, %s 5xx", showClock(p.At), showExact(p.Count), showExact(p.ClientErrors), showExact(p.ServerErrors)),
			p.Count-errors, p.ClientErrors, p.ServerErrors)
	}
	return c.done(fmt.Sprintf("Calls by minute: %s in all, %s of them 4xx and %s 5xx", showExact(sum.Calls), showExact(sum.ClientErrors), showExact(sum.ServerErrors)))
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
