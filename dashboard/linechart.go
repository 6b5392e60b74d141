package dashboard

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// lineChart is a chart of how long something took, by quantiles.
type lineChart struct {
	// Label says what is shown, for those who do not see it.
	Label string
	// Top is what is at the upper edge.
	Top           string
	Ticks         []chartTick
	Width, Height int
	Lines         []line
	// Columns tell the numbers of each step.
	Columns []column
}

// line is one quantile over time.
type line struct{ Kind, Path string }

type column struct {
	X    int
	Says string
}

// quantiles are those that are shown, by the names of their lines.
var quantiles = []struct {
	name string
	q    float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}}

// latencyChart draws the quantiles of the points: a line breaks where there was nothing.
func latencyChart(of string, points []Point, span timespan, sketch func(*Point) *sketchOf) lineChart {
	c := lineChart{Width: len(points) * barStep, Height: chartHeight}
	values := make([][]time.Duration, len(quantiles))
	var top time.Duration
	var whole sketchOf
	for i := range points {
		p := &points[i]
		s := sketch(p)
		says := fmt.Sprintf("%s UTC: nothing", span.at(p.At))
		if s.Count() > 0 {
			says = span.at(p.At) + " UTC:"
		}
		for j, of := range quantiles {
			took := s.Quantile(of.q)
			values[j] = append(values[j], took)
			top = max(top, took)
			if s.Count() > 0 {
				says += " " + of.name + " " + showDuration(took)
			}
		}
		whole.Merge(s)
		c.Columns = append(c.Columns, column{i * barStep, says})
		if tick := span.tick(p.At); tick != "" && tickFits(i, len(points)) {
			c.Ticks = append(c.Ticks, chartTick{tick, i * barStep})
		}
	}
	c.Label = of + " by " + stepText(span.Step) + ": nothing to show"
	if whole.Count() == 0 {
		return c
	}
	c.Label = fmt.Sprintf("%s by %s: p50 %s, p90 %s and p99 %s of %s in all", of, stepText(span.Step),
		showDuration(whole.Quantile(0.5)), showDuration(whole.Quantile(0.9)), showDuration(whole.Quantile(0.99)), showExact(whole.Count()))
	top = time.Duration(roundTop(uint64(max(top/time.Microsecond, 1)))) * time.Microsecond
	c.Top = showDuration(top)
	for j := range quantiles {
		c.Lines = append(c.Lines, line{quantiles[j].name, linePath(values[j], top)})
	}
	return c
}

// tickFits reports whether a text below a column does not end beyond the chart.
func tickFits(i, columns int) bool { return i*100 <= columns*95 }

// linePath goes through the middles of the steps. A value that stands alone is as wide as
// a column is.
func linePath(values []time.Duration, top time.Duration) string {
	var b strings.Builder
	for i, v := range values {
		if v == 0 {
			continue
		}
		x, y := i*barStep+barStep/2, tenth(chartHeight*(1-math.Min(float64(v)/float64(top), 1)))
		before, after := i > 0 && values[i-1] > 0, i+1 < len(values) && values[i+1] > 0
		switch {
		case before:
			fmt.Fprintf(&b, "L%d %v", x, y)
		case after:
			fmt.Fprintf(&b, "M%d %v", x, y)
		default:
			fmt.Fprintf(&b, "M%d %vh%d", x-barWidth/2, y, barWidth)
		}
	}
	return b.String()
}
