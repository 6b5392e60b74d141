package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/telemetry/cost"
)

// pricesUsage says what --prices takes, wherever that is a flag.
const pricesUsage = "tables of prices that are shown side by side: aws, or a file, with commas between"

// priceTables reads tables; those that are built in have names.
func priceTables(names []string) ([]*cost.Table, error) {
	var tables []*cost.Table
	for _, name := range names {
		t, ok := cost.BuiltIn(name)
		if !ok {
			info, err := os.Stat(name)
			if err == nil && info.Size() > cost.MaxTableBytes {
				err = fmt.Errorf("%s is too large for a table of prices", name)
			}
			var text []byte
			if err == nil {
				text, err = os.ReadFile(name)
			}
			if err != nil {
				return nil, fmt.Errorf("--prices is %s, or a file: %w", cost.AWS, err)
			}
			if t, err = priceTable(name, text); err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(tables, func(other *cost.Table) bool { return other.Name == t.Name }) {
			return nil, usagef("two tables of prices have the name %q", t.Name)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// priceTable reads a file. What is not YAML is told as it is of definitions, where it is.
func priceTable(name string, text []byte) (*cost.Table, error) {
	var ds gateway.Diagnostics
	document, ok := source.Parse(name, text, source.Environment{}, &ds)
	if !ok {
		var all []error
		for _, d := range ds {
			all = append(all, fmt.Errorf("%s: %s", d.Pos, d.Message))
		}
		return nil, errors.Join(all...)
	}
	t, err := cost.Read(document.Root().Node())
	if err != nil {
		lines := strings.Split(err.Error(), "\n")
		return nil, fmt.Errorf("%s:%s", name, strings.Join(lines, "\n"+name+":"))
	}
	return t, nil
}
