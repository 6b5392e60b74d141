package cli

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/telemetry/metering"
)

// openMeter counts in a file of the data directory, so that bills outlast a restart; without
// one counts begin anew. A folder that is full or cannot be written does not keep the others from
// being served.
func openMeter(dataDir string, log *slog.Logger, metrics prometheus.Registerer) *metering.Meter {
	options := metering.Options{Log: log, Registerer: metrics}
	if dataDir != "" {
		options.Path = filepath.Join(dataDir, "metering.db")
	}
	return metering.Open(options)
}

// messageMeter counts for WebSocket APIs.
type messageMeter struct{ meter *metering.Meter }

func (m messageMeter) count(api, stage, key string, c metering.Counts) {
	m.meter.Count(metering.Of{API: api, Protocol: string(gateway.WebSocket), Stage: stage, Key: key}, c)
}

func (m messageMeter) Message(api, stage, key string, bytes int) {
	m.count(api, stage, key, metering.Counts{Messages: 1, MessageSteps: metering.Steps(uint64(bytes), metering.MessageStep)})
}

func (m messageMeter) Ended(api, stage, key string, lasted time.Duration) {
	// A second that has begun counts: connections that are opened and closed at once are not
	// for nothing.
	m.count(api, stage, key, metering.Counts{ConnectionSeconds: uint64(lasted/time.Second) + 1})
}

// meteredJSON is the answer of /metering.
type meteredJSON struct {
	From  string            `json:"from"`
	To    string            `json:"to"`
	Lines []meteredLineJSON `json:"lines"`
	// Unmetered are gateways whose Envoys tell nothing about requests.
	Unmetered []string `json:"unmeteredGateways"`
}

type meteredLineJSON struct {
	Day        string `json:"day"`
	API        string `json:"api"`
	APIName    string `json:"apiName,omitempty"`
	Protocol   string `json:"protocol"`
	Stage      string `json:"stage"`
	Key        string `json:"key,omitempty"`
	CacheBytes int64  `json:"cacheBytes,omitempty"`
	metering.Counts
}

// showMetered tells what was metered. It has the parameters from and to: days, such as
// 2026-01-31; and per: a day has lines of its own, or a month, which is as its first day then.
func (c *controlPlane) showMetered(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	to, err := time.Parse(time.DateOnly, query.Get("to"))
	from, err2 := time.Parse(time.DateOnly, query.Get("from"))
	if err != nil || err2 != nil || from.After(to) {
		answer(w, http.StatusBadRequest, "from and to must be days, such as 2026-01-31, in this order")
		return
	}
	var lines []metering.Line
	switch query.Get("per") {
	case "", "day":
		lines, err = c.metered.Lines(from, to)
	case "month":
		var sums metering.Sums
		sums, err = c.metered.Sums(from, to)
		lines = sums.Months
	default:
		answer(w, http.StatusBadRequest, "per must be day or month")
		return
	}
	if err != nil {
		c.log.Warn("metered counts can't be read", "error", err)
		answer(w, http.StatusServiceUnavailable, "the file of metered counts can't be read")
		return
	}
	out := meteredJSON{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly), Lines: []meteredLineJSON{}, Unmetered: []string{}}
	names := map[string]string{}
	if s := c.pipeline.Snapshot(); s != nil {
		for i := range s.APIs {
			names[s.APIs[i].ID] = s.APIs[i].Name
		}
		for i := range s.Gateways {
			if !s.Gateways[i].Telemetry {
				out.Unmetered = append(out.Unmetered, s.Gateways[i].Name)
			}
		}
	}
	for i := range lines {
		l := &lines[i]
		out.Lines = append(out.Lines, meteredLineJSON{l.Day.Format(time.DateOnly), l.API, names[l.API], l.Protocol, l.Stage, l.Key, l.CacheBytes, l.Counts})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = writeJSON(w, out)
}
