package dashboard

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/telemetry/cost"
	"gatehouse/telemetry/metering"
)

// Meter gives what was metered from one day to another, both included.
type Meter interface {
	Sums(from, to time.Time) (metering.Sums, error)
}

// usagePage is who used what in a month, and what that costs.
var usagePage = page{
	pattern: "usage", nav: "Usage and cost", template: "usage",
	read: (*Server).usage, export: (*Server).usageCSV,
}

const (
	// usageMonths is how many months may be chosen, the current one included.
	usageMonths = 13
	// usageRows is how many groups are shown; a file has all.
	usageRows = 200
)

// usageGroups are what usage may be told apart by.
var usageGroups = []struct {
	name, text string
	by         cost.By
}{
	{"stage", "API and stage", cost.By{API: true, Stage: true}},
	{"api", "API", cost.By{API: true}},
	{"key", "API key", cost.By{Key: true}},
	{"all", "API, stage and key", cost.By{API: true, Stage: true, Key: true}},
}

type usageView struct {
	Month string
	// SoFar: the month is not over.
	SoFar  bool
	Months []usageChoice
	Groups []usageChoice
	// ByAPI, ByStage and ByKey are the columns.
	ByAPI, ByStage, ByKey bool
	// Prices are the tables of prices, in the order of costs.
	Prices []*cost.Table
	Total  usageRow
	Chart  barChart
	Rows   []usageRow
	More   int
	CSV    string
}

type usageChoice struct {
	Value, Text string
	Current     bool
}

// usageRow is what a group used.
type usageRow struct {
	API, Stage, Key string
	metering.Counts
	// Costs are by each table of prices.
	Costs []string
}

// Traffic is what went in and out.
func (r usageRow) Traffic() int64 { return int64(r.BytesIn + r.BytesOut) }

func (s *Server) usage(r *http.Request) (*shown, error) {
	if s.options.Meter == nil {
		return nil, absent("What bills are made of is metered by processes with the roles telemetry or integration, which this one has not. The dashboard of one that has shows it.")
	}
	month, group := s.askedUsage(r)
	v := &usageView{Month: month.Format("2006-01"), ByAPI: group.by.API, ByStage: group.by.Stage, ByKey: group.by.Key, Prices: s.options.Prices}
	this := monthOf(s.options.Now())
	for i := range usageMonths {
		m := this.AddDate(0, -i, 0)
		v.Months = append(v.Months, usageChoice{m.Format("2006-01"), m.Format("January 2006"), m.Equal(month)})
	}
	for _, g := range usageGroups {
		v.Groups = append(v.Groups, usageChoice{g.name, g.text, g.name == group.name})
	}
	v.CSV = pathTo("usage") + "?" + url.Values{"month": {v.Month}, "by": {group.name}, "format": {"csv"}}.Encode()
	v.SoFar = month.Equal(this)
	sums, err := s.options.Meter.Sums(month, month.AddDate(0, 1, -1))
	if err != nil {
		return nil, err
	}
	rows := s.billed(sums.Months, group.by, cost.Money)
	for i := range sums.Months {
		v.Total.Add(sums.Months[i].Counts)
	}
	for _, table := range s.options.Prices {
		whole := new(big.Rat)
		for _, item := range cost.Bill(table, sums.Months, cost.By{}) {
			whole.Add(whole, item.Cost)
		}
		v.Total.Costs = append(v.Total.Costs, cost.Money(whole))
	}
	v.Chart = usageChart(sums.Days, month, v.Total.Counts)
	v.Rows, v.More = rows[:min(len(rows), usageRows)], max(len(rows)-usageRows, 0)
	return &shown{Title: "Usage and cost", Data: v}, nil
}

// askedUsage is the month and the groups that are asked for, else this month's by stage.
func (s *Server) askedUsage(r *http.Request) (month time.Time, group struct {
	name, text string
	by         cost.By
}) {
	this := monthOf(s.options.Now())
	month, group = this, usageGroups[0]
	if asked, err := time.Parse("2006-01", r.URL.Query().Get("month")); err == nil && !asked.After(this) && asked.After(this.AddDate(0, -usageMonths, 0)) {
		month = asked
	}
	for _, g := range usageGroups {
		if g.name == r.URL.Query().Get("by") {
			group = g
		}
	}
	return month, group
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// billed are the sums of groups with what they cost, those first that called most.
func (s *Server) billed(lines []metering.Line, by cost.By, money func(*big.Rat) string) []usageRow {
	at := map[cost.Group]*usageRow{}
	for i := range lines {
		g := by.Group(&lines[i])
		if at[g] == nil {
			at[g] = &usageRow{API: g.API, Stage: g.Stage, Key: g.Key}
		}
		at[g].Add(lines[i].Counts)
	}
	costs := make([]map[cost.Group]*big.Rat, len(s.options.Prices))
	for i, table := range s.options.Prices {
		costs[i] = cost.Sums(cost.Bill(table, lines, by))
	}
	names := s.apiNames()
	rows := make([]usageRow, 0, len(at))
	for g, row := range at {
		for _, sums := range costs {
			row.Costs = append(row.Costs, money(cmp.Or(sums[g], new(big.Rat))))
		}
		row.API = cmp.Or(names[g.API], g.API)
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b usageRow) int {
		return cmp.Or(
			cmp.Compare(b.Calls+b.Messages, a.Calls+a.Messages), cmp.Compare(b.Free, a.Free),
			strings.Compare(a.API, b.API), strings.Compare(a.Stage, b.Stage), strings.Compare(a.Key, b.Key),
		)
	})
	return rows
}

// apiNames are those of the APIs that are served, by their ids. Where several have the same
// name, their ids are told with it.
func (s *Server) apiNames() map[string]string {
	names, owners := map[string]string{}, map[string]int{}
	if snapshot := s.snapshot(); snapshot != nil {
		for i := range snapshot.APIs {
			names[snapshot.APIs[i].ID] = snapshot.APIs[i].Name
			owners[snapshot.APIs[i].Name]++
		}
	}
	for id, name := range names {
		if name != "" && name != id && owners[name] > 1 {
			names[id] = name + " (" + id + ")"
		}
	}
	return names
}

// usageChart shows calls and messages by day, with the calls that cost nothing.
func usageChart(of map[time.Time]metering.Counts, month time.Time, sum metering.Counts) barChart {
	days := month.AddDate(0, 1, -1).Day()
	c := newBarChart("good", "client")
	for i := range days {
		day := month.AddDate(0, 0, i)
		tick := ""
		if i%5 == 0 && i < days-2 {
			tick = day.Format("2 Jan")
		}
		counted := of[day]
		charged := counted.Calls + counted.Messages
		c.add(day, tick, fmt.Sprintf("%s: %s calls and messages, %s calls for free", day.Format("2 January"), showExact(charged), showExact(counted.Free)), charged, counted.Free)
	}
	return c.done(fmt.Sprintf("Calls and messages by day: %s in all, %s calls for free", showExact(sum.Calls+sum.Messages), showExact(sum.Free)))
}

// usageCSV is the month as a file: all groups.
func (s *Server) usageCSV(r *http.Request) (name string, body []byte, err error) {
	if s.options.Meter == nil {
		return "", nil, notFound("Nothing is metered in this process.")
	}
	month, group := s.askedUsage(r)
	sums, err := s.options.Meter.Sums(month, month.AddDate(0, 1, -1))
	if err != nil {
		return "", nil, err
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	columns := []string{"month", "api", "stage", "key", "calls", "free_calls", "messages", "connection_minutes", "cache_hours", "bytes_in", "bytes_out"}
	for _, table := range s.options.Prices {
		columns = append(columns, plainCell(strings.ToLower("cost_"+table.Name+"_"+table.Currency)))
	}
	_ = out.Write(columns) // a buffer takes all
	for _, row := range s.billed(sums.Months, group.by, cost.ExactMoney) {
		cells := []string{month.Format("2006-01"), row.API, row.Stage, row.Key}
		cells = append(cells, fmt.Sprint(row.Calls), fmt.Sprint(row.Free), fmt.Sprint(row.Messages))
		for _, of := range []cost.Meter{cost.ConnectionMinutes, cost.CacheHours} {
			cells = append(cells, cost.Decimal(of.Amount(&row.Counts), cost.AmountDigits))
		}
		cells = append(cells, fmt.Sprint(row.BytesIn), fmt.Sprint(row.BytesOut))
		cells = append(cells, row.Costs...)
		for i := range cells {
			cells[i] = plainCell(cells[i])
		}
		_ = out.Write(cells)
	}
	out.Flush()
	return "usage-" + month.Format("2006-01") + "-by-" + group.name + ".csv", b.Bytes(), out.Error()
}

// plainCell keeps a spreadsheet from taking a name for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
