// Command bench measures what the gateway costs, against the same Envoy with a
// hand-written configuration in the same run, and prints a table of ratios. CPU per
// request (of the Envoy process, user and system) is the steadiest figure; contestants
// take turns many times, and the median of the pairs' ratios is taken.
//
//	go run ./test/bench            # everything
//	go run ./test/bench -quick     # fewer requests and rounds
//	go run ./test/bench -instructions -only callers   # Envoy's instructions, by valgrind
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"text/tabwriter"

	"gatehouse/internal/garbage"
)

func main() {
	garbage.CollectSeldom() // as gatehouse itself does
	if input := os.Getenv(serviceVariable); input != "" {
		if err := beService(input); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if input := os.Getenv(cacheVariable); input != "" {
		if err := beCache(input); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if args := os.Getenv(programVariable); args != "" {
		os.Exit(beProgram(args))
	}
	if input := os.Getenv(integrationVariable); input != "" {
		if err := beIntegration(input); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	quick := flag.Bool("quick", false, "fewer requests and rounds")
	only := flag.String("only", "", "proxy, routes, change, callers, bodies, throttles, shared, ratelimit, functions, templates, cache, management, telemetry or dashboard")
	flag.BoolVar(&counting, "instructions", false, "count Envoy's instructions by valgrind in place of its CPU time; with -only, of proxy, routes, callers, throttles, shared or telemetry")
	flag.Func("contestants", "of what is compared, only the first and what a regular expression matches", func(text string) (err error) {
		wanted, err = regexp.Compile(text)
		return err
	})
	flag.Parse()
	size := effort{requests: 40_000, rounds: 5, connections: 8}
	if *quick {
		size = effort{requests: 8_000, rounds: 3, connections: 8}
	}
	if counting {
		if !slices.Contains([]string{"proxy", "routes", "callers", "throttles", "shared", "telemetry"}, *only) {
			fmt.Fprintln(os.Stderr, "bench: -instructions takes -only proxy, routes, callers, throttles, shared or telemetry")
			os.Exit(2)
		}
		// They hardly differ from request to request.
		size = effort{requests: 2_500, rounds: 1, connections: 1}
	}
	if err := run(size, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// effort is how much is measured.
type effort struct{ requests, rounds, connections int }

// warmUp is how many requests a new Envoy answers before those of a round.
func (e effort) warmUp() int { return e.requests / 2 }

func run(size effort, only string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	defer w.Flush()
	for _, part := range []struct {
		name    string
		measure func(effort, *tabwriter.Writer) error
	}{
		{"proxy", measureProxy},
		{"routes", measureRoutes},
		{"change", measureChange},
		{"callers", measureCallers},
		{"bodies", measureBodies},
		{"throttles", measureThrottles},
		{"shared", measureShared},
		{"ratelimit", measureRateLimit},
		{"functions", measureFunctions},
		{"templates", measureTemplates},
		{"telemetry", measureTelemetry},
		{"cache", measureCache},
		{"management", measureManagement},
		{"dashboard", measureDashboard},
	} {
		if only != "" && only != part.name {
			continue
		}
		if err := part.measure(size, w); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintln(w)
		w.Flush()
	}
	return nil
}

// median of a non-empty list.
func median(list []float64) float64 {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
