package restapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// maxImportedKeys bounds what one transaction is to do.
const maxImportedKeys = 10000

// importedKeys is what ImportApiKeys answers.
type importedKeys struct {
	IDs      []string `json:"ids"`
	Warnings []string `json:"warnings"`
}

// keyRow is a line of a file of API keys.
type keyRow struct {
	line  int
	key   APIKey
	plans []string
}

// importAPIKeys reads a file as the console exports it.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html
func (s *Service) importAPIKeys(ctx context.Context, c *restjson.Call) (any, error) {
	if format := c.Query.Get("format"); format != "csv" {
		var p problems
		p.require("format", format)
		p.enum("format", format, "csv")
		return nil, p.err()
	}
	rows, warnings, err := readKeyRows(c.Body)
	if err != nil {
		return nil, err
	}
	fails := c.Query.Get("failonwarnings") == "true"
	if fails && len(warnings) > 0 {
		return nil, restjson.BadRequest("Warnings found during import:\n\t%s", strings.Join(warnings, "\n\t"))
	}
	now := now()
	return update(ctx, s, func(tx store.Tx) (*importedKeys, error) {
		out := &importedKeys{IDs: []string{}, Warnings: slices.Concat([]string{}, warnings)}
		for _, row := range rows {
			k := row.key
			k.ID, k.CreatedDate, k.LastUpdatedDate, k.StageKeys = restjson.NewID(10), now, now, []string{}
			err := addAPIKey(tx, c.Region, &k)
			if errors.Is(err, errKeyExists) && !fails {
				out.Warnings = append(out.Warnings, fmt.Sprintf("Line %d: API Key already exists: %s", row.line, k.Name))
				continue
			}
			if err != nil {
				return nil, err
			}
			out.IDs = append(out.IDs, k.ID)
			for _, plan := range row.plans {
				_, err := addPlanKey(tx, c, plan, k.ID)
				var told *restjson.Error
				if errors.As(err, &told) && !fails {
					out.Warnings = append(out.Warnings, fmt.Sprintf("Line %d: %s: %s", row.line, plan, told.Message))
					continue
				}
				if err != nil {
					return nil, err
				}
			}
		}
		return out, nil
	})
}

// readKeyRows reads the lines that make sense, and warns of the others.
func readKeyRows(file []byte) (rows []keyRow, warnings []string, err error) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\ufeff"))))
	in.FieldsPerRecord = -1
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if err != nil {
		return nil, nil, restjson.BadRequest("Failed to parse the file of API keys: its first line must name the columns, such as name,key,description,enabled,usageplanIds")
	}
	columns := map[string]int{}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		switch _, twice := columns[name]; {
		case twice:
			return nil, nil, restjson.BadRequest("Failed to parse the file of API keys: the column '%s' is there twice", name)
		case !slices.Contains([]string{"name", "key", "description", "enabled", "usageplanids"}, name):
			warnings = append(warnings, fmt.Sprintf("Line 1: the column '%s' is not known", shortened(name)))
		default:
			columns[name] = i
		}
	}
	for _, name := range []string{"name", "key"} {
		if _, ok := columns[name]; !ok {
			return nil, nil, restjson.BadRequest("Failed to parse the file of API keys: the column '%s' is missing", name)
		}
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, warnings, nil
		}
		if err != nil {
			return nil, nil, restjson.BadRequest("Failed to parse the file of API keys: %v", err)
		}
		line, _ := in.FieldPos(0)
		if len(rows) == maxImportedKeys {
			return nil, nil, restjson.BadRequest("A file has at most %d API keys", maxImportedKeys)
		}
		field := func(name string) string {
			if i, ok := columns[name]; ok && i < len(record) {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		row := keyRow{line: line, key: APIKey{Name: field("name"), Value: field("key"), Description: field("description")}}
		var p problems
		if row.key.Name == "" || row.key.Value == "" {
			p.add("name and key must not be empty")
		}
		checkKey(&p, row.key.Name, row.key.Value)
		switch enabled := cmp.Or(strings.ToLower(field("enabled")), "true"); enabled {
		case "true", "false":
			row.key.Enabled = enabled == "true"
		default:
			p.add("enabled must be true or false")
		}
		for _, plan := range strings.Split(field("usageplanids"), ",") {
			if plan = strings.TrimSpace(plan); plan != "" {
				row.plans = append(row.plans, plan)
			}
		}
		var told *restjson.Error
		if errors.As(p.err(), &told) {
			warnings = append(warnings, fmt.Sprintf("Line %d: %s", line, told.Message))
			continue
		}
		rows = append(rows, row)
	}
}
