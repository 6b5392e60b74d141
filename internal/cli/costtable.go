package cli

import (
	"cmp"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"gatehouse/telemetry/cost"
)

// billJSON is what the command shows.
type billJSON struct {
	From   string          `json:"from"`
	To     string          `json:"to"`
	Tables []billTableJSON `json:"tables"`
	// names are those of APIs that no other API has.
	names map[string]string
	by    cost.By
	// exact has rows with every amount to the last digit.
	exact bool
}

type billTableJSON struct {
	Name     string         `json:"name"`
	Currency string         `json:"currency"`
	Total    json.Number    `json:"total"`
	Items    []billItemJSON `json:"items"`
	sum      *big.Rat
	items    []cost.Item
}

type billItemJSON struct {
	Month    string      `json:"month"`
	API      string      `json:"api,omitempty"`
	APIName  string      `json:"apiName,omitempty"`
	Stage    string      `json:"stage,omitempty"`
	Key      string      `json:"key,omitempty"`
	Meter    cost.Meter  `json:"meter"`
	Protocol string      `json:"protocol,omitempty"`
	Amount   json.Number `json:"amount"`
	Cost     json.Number `json:"cost"`
}

func newBill(tables []*cost.Table, q *costQuery) *billJSON {
	b := &billJSON{From: q.from, To: q.to, by: q.by, names: map[string]string{}}
	owners := map[string]int{}
	for _, name := range q.names {
		owners[name]++
	}
	for id, name := range q.names {
		if name != "" && owners[name] == 1 {
			b.names[id] = name
		}
	}
	for _, t := range tables {
		items := cost.Bill(t, q.lines, q.by)
		out := billTableJSON{Name: t.Name, Currency: t.Currency, Items: []billItemJSON{}, sum: new(big.Rat), items: items}
		for _, i := range items {
			out.sum.Add(out.sum, i.Cost)
			out.Items = append(out.Items, billItemJSON{
				i.Month, i.API, q.names[i.API], i.Stage, i.Key, i.Meter, i.Protocol, decimal(i.Amount), exactMoney(i.Cost),
			})
		}
		out.Total = exactMoney(out.sum)
		b.Tables = append(b.Tables, out)
	}
	return b
}

// shownDigits are those of amounts, such as gigabytes, for people.
const shownDigits = 3

// decimal writes a number for programs.
func decimal(r *big.Rat) json.Number { return json.Number(cost.Decimal(r, cost.AmountDigits)) }

func exactMoney(r *big.Rat) json.Number { return json.Number(cost.ExactMoney(r)) }

func (b *billJSON) columns() []string {
	columns := []string{"month"}
	if b.by.API || b.by.Stage {
		columns = append(columns, "api")
	}
	if b.by.Stage {
		columns = append(columns, "stage")
	}
	if b.by.Key {
		columns = append(columns, "key")
	}
	columns = append(columns, "what", "amount")
	for _, t := range b.Tables {
		columns = append(columns, t.Name+" "+t.Currency)
	}
	return columns
}

// rows have what each group pays for each thing by each table, and at the end the sum of
// all.
func (b *billJSON) rows() [][]string {
	money, digits := cost.Money, shownDigits
	if b.exact {
		money, digits = cost.ExactMoney, cost.AmountDigits
	}
	type row struct {
		cost.Group
		meter    cost.Meter
		protocol string
	}
	var order []row
	amounts, costs := map[row]*big.Rat{}, map[row][]string{}
	for i, t := range b.Tables {
		for _, item := range t.items {
			r := row{item.Group, item.Meter, item.Protocol}
			if amounts[r] == nil {
				order = append(order, r)
				amounts[r], costs[r] = item.Amount, make([]string, len(b.Tables))
			}
			costs[r][i] = money(item.Cost)
		}
	}
	if len(order) == 0 {
		return nil
	}
	slices.SortStableFunc(order, func(x, y row) int { return x.Group.Compare(y.Group) })
	var rows [][]string
	groups := func(month, api, stage, key string) []string {
		cells := []string{month}
		if b.by.API || b.by.Stage {
			cells = append(cells, cmp.Or(b.names[api], api))
		}
		if b.by.Stage {
			cells = append(cells, stage)
		}
		if b.by.Key {
			cells = append(cells, key)
		}
		return cells
	}
	for _, r := range order {
		cells := groups(r.Month, r.API, r.Stage, r.Key)
		cells = append(cells, strings.TrimSpace(r.protocol+" "+string(r.meter)), cost.Decimal(amounts[r], digits))
		rows = append(rows, append(cells, costs[r]...))
	}
	total := append(groups("total", "", "", ""), "", "")
	for _, t := range b.Tables {
		total = append(total, money(t.sum))
	}
	return append(rows, total)
}
