package cli

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// usageJSON is a line of a server's /usage.
type usageJSON struct {
	Day      string `json:"day"`
	Plan     string `json:"plan"`
	PlanName string `json:"planName"`
	Key      string `json:"key"`
	API      string `json:"api"`
	Stage    string `json:"stage"`
	Allowed  int64  `json:"allowed"`
	Denied   int64  `json:"denied"`
}

// usageLines are all of them.
type usageLines []usageJSON

func (usageLines) columns() []string {
	return []string{"day", "plan", "key", "api", "stage", "allowed", "denied"}
}

// rows name a plan by its id when there is none of the name any more.
func (l usageLines) rows() [][]string {
	var rows [][]string
	for _, u := range l {
		rows = append(rows, []string{u.Day, cmp.Or(u.PlanName, u.Plan), u.Key, u.API, u.Stage, strconv.FormatInt(u.Allowed, 10), strconv.FormatInt(u.Denied, 10)})
	}
	return rows
}

// dailyJSON is a server's answer about the days of a plan's keys.
type dailyJSON struct {
	UsagePlanID string `json:"usagePlanId"`
	PlanName    string `json:"planName"`
	StartDate   string `json:"startDate"`
	EndDate     string `json:"endDate"`
	// Items are what was used and left, by key and day.
	Items map[string][][2]int64 `json:"items"`
}

func (dailyJSON) columns() []string { return []string{"day", "key", "used", "remaining"} }

func (d dailyJSON) rows() [][]string {
	first, err := time.Parse(time.DateOnly, d.StartDate)
	if err != nil {
		return nil
	}
	var rows [][]string
	for _, key := range slices.Sorted(maps.Keys(d.Items)) {
		for i, day := range d.Items[key] {
			rows = append(rows, []string{first.AddDate(0, 0, i).Format(time.DateOnly), key, strconv.FormatInt(day[0], 10), strconv.FormatInt(day[1], 10)})
		}
	}
	return rows
}

func usageTable(w io.Writer, usage shownUsage) error {
	rows := usage.rows()
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, "no usage")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := usage.columns()
	for i := range head {
		head[i] = strings.ToUpper(head[i])
	}
	for _, cells := range append([][]string{head}, rows...) {
		for i, cell := range cells {
			cells[i] = printable(cell)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

func usageCSV(w io.Writer, usage shownUsage) error {
	table := csv.NewWriter(w)
	all := append([][]string{usage.columns()}, usage.rows()...)
	for _, cells := range all {
		for i, cell := range cells {
			cells[i] = plainCell(cell)
		}
	}
	return table.WriteAll(all)
}
