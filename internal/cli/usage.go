package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// usageTimeout is how long a server may take to answer.
const usageTimeout = 10 * time.Second

// maxUsageBytes bounds its answer.
const maxUsageBytes = 64 << 20

// usageQuery is what of a server's usage is asked for.
type usageQuery struct{ server, plan, key, from, to string }

func newUsage() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "usage",
		GroupID: groupWork,
		Short:   "Show who called what, and extend quotas",
		Long: "Usage asks a running server how often each key called, by day, usage plan, API and\n" +
			"stage: the last 30 days if nothing else is said. Days are those of UTC. With --daily\n" +
			"it shows, for each key of a plan, what it used and had left of its quota. With\n" +
			"--set-remaining it says instead what a key has left of its quota in the current period.",
		Example: "  gatehouse usage\n" +
			"  gatehouse usage --plan gold --from 2026-11-01 -o csv\n" +
			"  gatehouse usage --plan gold --daily --from 2026-11-01\n" +
			"  gatehouse usage --plan gold --key acme --set-remaining 5000",
		Args: args(cobra.NoArgs),
	}
	var q usageQuery
	var remaining int64
	var daily bool
	flags := cmd.Flags()
	flags.StringVar(&q.server, "server", "http://127.0.0.1:8001", "the server's --http-address, as a URL")
	flags.StringVar(&q.plan, "plan", "", "usage plan, by name (default all)")
	flags.StringVar(&q.key, "key", "", "API key, by name (default all)")
	flags.StringVar(&q.from, "from", "", "first day, such as 2026-01-31 (default 30 days before the last)")
	flags.StringVar(&q.to, "to", "", "last day, of UTC (default today)")
	flags.Int64Var(&remaining, "set-remaining", 0, "requests that the key has left in the current period")
	flags.BoolVar(&daily, "daily", false, "show what keys of the plan used of their quota and had left when each day ended")
	output := choiceFlag(cmd, "output", "o", "output format", "text", "json", "csv")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		address, err := q.address()
		if err != nil {
			return err
		}
		if flags.Changed("set-remaining") {
			if q.plan == "" || q.key == "" || remaining < 0 {
				return usagef("--set-remaining is a number that is not negative, with --plan and --key")
			}
			if err := q.setRemaining(cmd, address, remaining); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s has %d left of the quota of %s\n", q.key, remaining, q.plan)
			return err
		}
		if daily {
			if q.plan == "" {
				return usagef("--daily is about one plan, which --plan names")
			}
			address.RawQuery = "daily"
			return showUsage[dailyJSON](cmd, &q, address, output.value)
		}
		return showUsage[usageLines](cmd, &q, address, output.value)
	}
	return cmd
}

// shownUsage is an answer of a server that can be shown as a table.
type shownUsage interface {
	columns() []string
	rows() [][]string
}

func showUsage[T shownUsage](cmd *cobra.Command, q *usageQuery, address *url.URL, output string) error {
	var answer T
	if err := q.read(cmd, address, &answer); err != nil {
		return err
	}
	switch output {
	case "json":
		return writeJSON(cmd.OutOrStdout(), answer)
	case "csv":
		return usageCSV(cmd.OutOrStdout(), answer)
	}
	return usageTable(cmd.OutOrStdout(), answer)
}

// address is the URL of the server's page about usage.
func (q *usageQuery) address() (*url.URL, error) {
	u, err := serverFlagURL(q.server)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, given := range []struct{ flag, day string }{{"--from", q.from}, {"--to", q.to}} {
		if _, err := time.Parse(time.DateOnly, given.day); given.day != "" && err != nil {
			wrong = append(wrong, fmt.Errorf("%s must be a day, such as 2026-01-31", given.flag))
		}
	}
	if len(wrong) == 0 && q.to != "" && q.from > q.to {
		wrong = append(wrong, errors.New("--from is after --to"))
	}
	if len(wrong) > 0 {
		return nil, usagef("%w", errors.Join(wrong...))
	}
	return u.JoinPath("usage"), nil
}

// read asks for usage.
func (q *usageQuery) read(cmd *cobra.Command, address *url.URL, answer any) error {
	query := address.Query()
	for name, value := range map[string]string{"plan": q.plan, "key": q.key, "from": q.from, "to": q.to} {
		if value != "" {
			query.Set(name, value)
		}
	}
	address.RawQuery = query.Encode()
	body, err := q.ask(cmd, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%s did not answer as a gatehouse server does: %w", q.server, err)
	}
	return nil
}

func (q *usageQuery) setRemaining(cmd *cobra.Command, address *url.URL, remaining int64) error {
	body, err := json.Marshal(map[string]any{"plan": q.plan, "key": q.key, "remaining": remaining})
	if err != nil {
		return err
	}
	_, err = q.ask(cmd, http.MethodPut, address, body)
	return err
}

func (q *usageQuery) ask(cmd *cobra.Command, method string, address *url.URL, body []byte) ([]byte, error) {
	call := serverCall{
		server: q.server, url: address, method: method, body: body, timeout: usageTimeout,
		most: maxUsageBytes, fewer: ": ask for fewer days, or for one plan",
		absent: "does not count usage: it is not a gatehouse server, or has not the role ratelimit",
		closed: "extends no quotas: its --http-address can be reached from other machines",
	}
	return call.ask(cmd.Context())
}
