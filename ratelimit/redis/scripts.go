package redis

import (
	"context"
	_ "embed"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed script/calendar.lua
	calendarText string
	//go:embed script/take.lua
	takeText string
	//go:embed script/usage.lua
	usageText string
	//go:embed script/plans.lua
	plansText string
	//go:embed script/census.lua
	censusText string
)

// scripts are what a store has Redis run.
type scripts struct{ take, usage, plans, census *redis.Script }

func newScripts() scripts {
	return scripts{redis.NewScript(calendarText + takeText), redis.NewScript(usageText), redis.NewScript(plansText), redis.NewScript(censusText)}
}

// call is one run of a script.
type call struct {
	keys []string
	args []any
	// cmd has the answer when run returns.
	cmd *redis.Cmd
}

// run runs a script for all calls in one round trip, and in another for those whose
// server didn't know the script yet. What failed has its error in its cmd.
func run(ctx context.Context, client redis.UniversalClient, script *redis.Script, calls []call) {
	do(ctx, client, calls, script.EvalSha)
	var unknown []call
	var at []int
	for i := range calls {
		if err := calls[i].cmd.Err(); err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
			unknown, at = append(unknown, calls[i]), append(at, i)
		}
	}
	if len(unknown) == 0 {
		return
	}
	do(ctx, client, unknown, script.Eval)
	for i, c := range unknown {
		calls[at[i]].cmd = c.cmd
	}
}

// do is one round trip.
func do(ctx context.Context, client redis.UniversalClient, calls []call, eval func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd) {
	pipe := client.Pipeline()
	for i := range calls {
		calls[i].cmd = eval(ctx, pipe, calls[i].keys, calls[i].args...)
	}
	_, err := pipe.Exec(ctx)
	for i := range calls {
		// A connection that could not be had leaves commands without an error.
		if cmd := calls[i].cmd; err != nil && cmd.Err() == nil && cmd.Val() == nil {
			cmd.SetErr(err)
		}
	}
}

// numbers is the answer to a call: so many whole numbers.
func (c *call) numbers(n int) ([]int64, error) {
	got, err := c.cmd.Int64Slice()
	if err != nil {
		return nil, err
	}
	if len(got) != n {
		return nil, errors.New("the script's answer has another length than its question")
	}
	return got, nil
}
