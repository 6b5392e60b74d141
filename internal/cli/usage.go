package cli

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// usageTimeout is how long a server may take to answer.
const usageTimeout = 10 * time.Second

// maxUsageBytes bounds its answer.
const maxUsageBytes = 64 << 20

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

// name is the plan's, or its id when there is no such plan any more.
func (u *usageJSON) name() string {
	return cmp.Or(u.PlanName, u.Plan)
}

// usageQuery is what of a server's usage is asked for.
type usageQuery struct{ server, plan, key, from, to string }

func newUsage() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "usage",
		GroupID: groupWork,
		Short:   "Show who called what, and extend quotas",
		Long: "Usage asks a running server how often each key called, by day, usage plan, API and\n" +
			"stage: the last 30 days if nothing else is said. Days are those of UTC. With\n" +
			"--set-remaining it says instead what a key has left of its quota in the current period.",
		Example: "  gatehouse usage\n" +
			"  gatehouse usage --plan gold --from 2026-11-01 -o csv\n" +
			"  gatehouse usage --plan gold --key acme --set-remaining 5000",
		Args: args(cobra.NoArgs),
	}
	var q usageQuery
	var remaining int64
	flags := cmd.Flags()
	flags.StringVar(&q.server, "server", "http://127.0.0.1:8001", "the server's --http-address, as a URL")
	flags.StringVar(&q.plan, "plan", "", "usage plan, by name (default all)")
	flags.StringVar(&q.key, "key", "", "API key, by name (default all)")
	flags.StringVar(&q.from, "from", "", "first day, such as 2026-01-31 (default 30 days before the last)")
	flags.StringVar(&q.to, "to", "", "last day (default today)")
	flags.Int64Var(&remaining, "set-remaining", 0, "requests that the key has left in the current period")
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
		lines, err := q.lines(cmd, address)
		if err != nil {
			return err
		}
		switch output.value {
		case "json":
			return writeJSON(cmd.OutOrStdout(), lines)
		case "csv":
			return usageCSV(cmd.OutOrStdout(), lines)
		}
		return usageTable(cmd.OutOrStdout(), lines)
	}
	return cmd
}

// address is the URL of the server's page about usage.
func (q *usageQuery) address() (*url.URL, error) {
	u, err := url.Parse(q.server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usagef("--server must be a URL, such as http://127.0.0.1:8001")
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

func (q *usageQuery) lines(cmd *cobra.Command, address *url.URL) ([]usageJSON, error) {
	query := url.Values{}
	for name, value := range map[string]string{"plan": q.plan, "key": q.key, "from": q.from, "to": q.to} {
		if value != "" {
			query.Set(name, value)
		}
	}
	address.RawQuery = query.Encode()
	body, err := q.ask(cmd, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	lines := []usageJSON{}
	if err := json.Unmarshal(body, &lines); err != nil {
		return nil, fmt.Errorf("%s did not answer as a gatehouse server does: %w", q.server, err)
	}
	return lines, nil
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
	r, err := http.NewRequestWithContext(cmd.Context(), method, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: usageTimeout}
	answer, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("is 'gatehouse run' or 'serve' running there, with this --http-address? %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxUsageBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", q.server, err)
	case len(text) > maxUsageBytes:
		return nil, fmt.Errorf("%s answers more than %d MiB: ask for fewer days, or for one plan", q.server, maxUsageBytes>>20)
	case answer.StatusCode == http.StatusNotFound && bytes.HasPrefix(text, []byte("404")):
		return nil, fmt.Errorf("%s does not count usage: it is not a gatehouse server, or has not the role ratelimit", q.server)
	case answer.StatusCode == http.StatusMethodNotAllowed:
		return nil, fmt.Errorf("%s extends no quotas: its --http-address can be reached from other machines", q.server)
	case answer.StatusCode/100 != 2:
		return nil, fmt.Errorf("%s: %s", q.server, strings.TrimSpace(string(text)))
	}
	return text, nil
}

var usageColumns = []string{"day", "plan", "key", "api", "stage", "allowed", "denied"}

func (u *usageJSON) cells() []string {
	return []string{u.Day, u.name(), u.Key, u.API, u.Stage, strconv.FormatInt(u.Allowed, 10), strconv.FormatInt(u.Denied, 10)}
}

func usageTable(w io.Writer, lines []usageJSON) error {
	if len(lines) == 0 {
		_, err := fmt.Fprintln(w, "no usage")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ToUpper(strings.Join(usageColumns, "\t")))
	for i := range lines {
		fmt.Fprintln(table, strings.Join(lines[i].cells(), "\t"))
	}
	return table.Flush()
}

func usageCSV(w io.Writer, lines []usageJSON) error {
	table := csv.NewWriter(w)
	rows := [][]string{usageColumns}
	for i := range lines {
		rows = append(rows, lines[i].cells())
	}
	return table.WriteAll(rows)
}
