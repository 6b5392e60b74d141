package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/telemetry/cost"
	"gatehouse/telemetry/metering"
)

func newCost() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cost",
		GroupID: groupWork,
		Short:   "Show what calls cost, on Amazon or by your own prices",
		Long: "Cost asks running servers what they metered in whole months, and puts prices to it:\n" +
			"those that Amazon API Gateway has in us-east-1 (aws), or those of tables of your own.\n" +
			"With several tables it shows them side by side. Of gateways without 'telemetry: true'\n" +
			"nothing is metered.\n\n" +
			"Each process meters what it sees: name all that have the roles telemetry or integration.",
		Example: "  gatehouse cost\n" +
			"  gatehouse cost --from 2026-10 --to 2026-11 --by api,stage,key -o csv\n" +
			"  gatehouse cost --prices own-prices.yaml --prices aws",
		Args: args(cobra.NoArgs),
	}
	var q costQuery
	var servers, prices, by []string
	flags := cmd.Flags()
	flags.StringSliceVar(&servers, "server", []string{"http://127.0.0.1:8001"}, "the servers' --http-address, as URLs")
	flags.StringSliceVar(&prices, "prices", []string{cost.AWS}, pricesUsage)
	flags.StringSliceVar(&by, "by", []string{"api"}, "what is told apart besides months: api, stage, key; none for a sum")
	flags.StringVar(&q.from, "from", "", "first month, such as 2026-01 (default that of --to)")
	flags.StringVar(&q.to, "to", "", "last month, of UTC (default this month)")
	output := choiceFlag(cmd, "output", "o", "output format", "text", "json", "csv")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := q.set(by, time.Now().UTC()); err != nil {
			return err
		}
		tables, err := priceTables(prices)
		if err != nil {
			return err
		}
		if err := q.ask(cmd.Context(), servers); err != nil {
			return err
		}
		for _, name := range q.unmetered {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: the gateway %s meters nothing: it has no 'telemetry: true'\n", printable(name))
		}
		b := newBill(tables, &q)
		switch output.value {
		case "json":
			return writeJSON(cmd.OutOrStdout(), b)
		case "csv":
			b.exact = true
			return usageCSV(cmd.OutOrStdout(), b)
		}
		return usageTable(cmd.OutOrStdout(), b)
	}
	return cmd
}

// costQuery is what is asked for, and what servers answered.
type costQuery struct {
	from, to         string
	firstDay, endDay time.Time
	by               cost.By
	lines            []metering.Line
	// names are those of APIs, by their ids.
	names map[string]string
	// unmetered are gateways of which nothing is known.
	unmetered []string
}

func (q *costQuery) set(by []string, now time.Time) error {
	q.to = cmp.Or(q.to, now.Format("2006-01"))
	q.from = cmp.Or(q.from, q.to)
	var err error
	if q.firstDay, q.endDay, err = cost.Months(q.from, q.to); err != nil {
		return usagef("--from and --to must be months, such as 2026-01")
	}
	if q.firstDay.After(q.endDay) {
		return usagef("--from is after --to")
	}
	for _, what := range by {
		switch what {
		case "api":
			q.by.API = true
		case "stage":
			q.by.Stage = true
		case "key":
			q.by.Key = true
		case "none":
		default:
			return usagef("--by has no %q: there are api, stage, key and none", what)
		}
	}
	return nil
}

// ask adds up what servers metered.
func (q *costQuery) ask(ctx context.Context, servers []string) error {
	type key struct {
		day string
		of  metering.Of
	}
	all := map[key]metering.Counts{}
	q.names = map[string]string{}
	asked := url.Values{"from": {q.firstDay.Format(time.DateOnly)}, "to": {q.endDay.Format(time.DateOnly)}}
	if len(servers) == 1 {
		// With many keys that is far less. What several know of the same caches is compared by
		// day, as one may have run on some days, and another on others.
		asked.Set("per", "month")
	}
	for _, server := range servers {
		body, err := askServer(ctx, server, "metering", asked)
		if err != nil {
			return err
		}
		var answer meteredJSON
		if err := json.Unmarshal(body, &answer); err != nil || answer.From == "" {
			return fmt.Errorf("%s did not answer as a gatehouse server does", server)
		}
		for _, name := range answer.Unmetered {
			if !slices.Contains(q.unmetered, name) {
				q.unmetered = append(q.unmetered, name)
			}
		}
		for _, l := range answer.Lines {
			k := key{l.Day, metering.Of{API: l.API, Protocol: l.Protocol, Stage: l.Stage, Key: l.Key, CacheBytes: l.CacheBytes}}
			sum := all[k]
			// Every process knows of the same caches: their time is not to be counted twice.
			cached := max(sum.CacheMinutes, l.CacheMinutes)
			sum.Add(l.Counts)
			sum.CacheMinutes = cached
			all[k] = sum
			q.names[l.API] = cmp.Or(l.APIName, q.names[l.API])
		}
	}
	for k, counts := range all {
		day, err := time.Parse(time.DateOnly, k.day)
		if err != nil {
			return fmt.Errorf("a server told of a day %q, which is none", k.day)
		}
		q.lines = append(q.lines, metering.Line{Day: day, Of: k.of, Counts: counts})
	}
	return nil
}
