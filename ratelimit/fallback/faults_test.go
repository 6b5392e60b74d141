package fallback

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/redis"
)

// onRedis is one of two replicas that share limits in Redis.
func onRedis(t *testing.T, url string) *Store {
	t.Helper()
	return patientOnRedis(t, url, time.Second)
}

func patientOnRedis(t *testing.T, url string, timeout time.Duration) *Store {
	t.Helper()
	store, err := redis.Open(redis.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	// The timeout is longer than by default: this machine may be busy, and what is to
	// fail here are not its processes.
	return replica(t, store, Options{Replicas: 2, Timeout: timeout, FirstProbe: 50 * time.Millisecond, LastProbe: 500 * time.Millisecond})
}

// prepared has used up 40 of 100 of a quota, and asked for each mode.
func prepared(t *testing.T, s *Store) {
	t.Helper()
	if got := take(t, s, window("quota", 100, 40, gateway.FailLocal)); got.Granted != 40 {
		t.Fatalf("Redis granted %+v", got)
	}
	for _, mode := range []gateway.FailureMode{gateway.FailOpen, gateway.FailClosed} {
		take(t, s, window(string(mode), 1000, 1, mode))
	}
	if s.open.Load() || s.failures.Load() > 0 {
		t.Fatalf("Redis does not answer before it fails")
	}
}

// failing holds each mode to what it says, while nothing can be asked.
func failing(t *testing.T, s *Store) {
	t.Helper()
	wait(t, "the failure to be seen", func() bool { take(t, s, window("closed", 1000, 1, gateway.FailClosed)); return s.open.Load() })
	granted := map[gateway.FailureMode]int64{}
	for range 100 {
		granted[gateway.FailOpen] += take(t, s, window("open", 1000, 1, gateway.FailOpen)).Granted
		granted[gateway.FailClosed] += take(t, s, window("closed", 1000, 1, gateway.FailClosed)).Granted
		granted[gateway.FailLocal] += take(t, s, window("quota", 100, 1, gateway.FailLocal)).Granted
	}
	// Half of the 60 that were left is this replica's.
	if granted[gateway.FailOpen] != 100 || granted[gateway.FailClosed] != 0 || granted[gateway.FailLocal] != 30 {
		t.Errorf("without Redis: granted %v", granted)
	}
}

// recovers within a bound, with what was granted meanwhile in Redis's counts: so many
// of the quota are left then.
func recovers(t *testing.T, s *Store, within time.Duration, left int64) {
	t.Helper()
	begin := time.Now()
	wait(t, "Redis to be asked again", func() bool { return take(t, s, window("closed", 1000, 1, gateway.FailClosed)).Granted == 1 })
	if took := time.Since(begin); took > within {
		t.Errorf("it took %s", took)
	}
	wait(t, "all to be counted", func() bool { return s.owed.end() == 0 })
	if got := take(t, s, window("quota", 100, 0, gateway.FailLocal)); got.Remaining != left {
		t.Errorf("%d are left of the quota, want %d", got.Remaining, left)
	}
}

// within is what the documentation promises, and what a busy machine takes.
const within = 5 * time.Second

// TestRedisFails does to Redis what happens to it.
func TestRedisFails(t *testing.T) {
	for name, c := range map[string]struct {
		fail, mend func(t *testing.T, r *redistest.Server)
		left       int64
	}{
		// Without its data the quota begins anew, but for what went on meanwhile.
		"killed and restarted empty": {
			func(_ *testing.T, r *redistest.Server) { r.Kill() },
			func(_ *testing.T, r *redistest.Server) { r.Run() }, 70,
		},
		"paused": {
			func(_ *testing.T, r *redistest.Server) { r.Pause() },
			func(_ *testing.T, r *redistest.Server) { r.Resume() }, 30,
		},
		"out of memory": {
			func(_ *testing.T, r *redistest.Server) { r.Do("CONFIG", "SET", "maxmemory", "1") },
			func(_ *testing.T, r *redistest.Server) { r.Do("CONFIG", "SET", "maxmemory", "0") }, 30,
		},
		"only a replica": {
			func(_ *testing.T, r *redistest.Server) {
				r.Do("CONFIG", "SET", "replica-serve-stale-data", "yes")
				r.Do("REPLICAOF", "127.0.0.1", "1")
			},
			func(_ *testing.T, r *redistest.Server) { r.Do("REPLICAOF", "NO", "ONE") }, 30,
		},
		"another password": {
			func(_ *testing.T, r *redistest.Server) {
				r.Do("ACL", "SETUSER", "admin", "on", "nopass", "~*", "+@all")
				r.Do("CONFIG", "SET", "requirepass", "changed")
				r.As("admin").Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			},
			func(_ *testing.T, r *redistest.Server) { r.As("admin").Do("ACL", "SETUSER", "default", "nopass") }, 30,
		},
		"no more connections": {
			func(_ *testing.T, r *redistest.Server) { r.Occupy() },
			func(_ *testing.T, r *redistest.Server) { r.Release() }, 30,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--maxmemory-policy", "noeviction")
			s := onRedis(t, server.URL())
			prepared(t, s)
			c.fail(t, server)
			failing(t, s)
			c.mend(t, server)
			recovers(t, s, within, c.left)
		})
	}
}

// TestScriptsForgotten: a Redis that has lost its scripts gets them again, and nobody
// notices.
func TestScriptsForgotten(t *testing.T) {
	server := redistest.Start(t)
	s := onRedis(t, server.URL())
	prepared(t, s)
	for i := range int64(5) {
		server.Do("SCRIPT", "FLUSH")
		if got := take(t, s, window("quota", 100, 1, gateway.FailClosed)); got.Granted != 1 || got.Remaining != 59-i {
			t.Errorf("%+v", got)
		}
	}
	if s.failures.Load() != 0 {
		t.Error("it counts as a failure")
	}
}

// TestNotThereYet: a service that starts before Redis has failure modes until it is there.
func TestNotThereYet(t *testing.T) {
	server := redistest.New(t)
	s := onRedis(t, server.URL())
	if got := take(t, s, window("quota", 100, 1, gateway.FailLocal)); got.Granted != 1 || got.Remaining != 49 {
		t.Errorf("%+v", got)
	}
	server.Run()
	recovers(t, s, within, 99)
}

// TestFailover: Sentinel makes the replica of a killed master the new one, which has
// what was counted.
func TestFailover(t *testing.T) {
	master := redistest.Start(t)
	second := redistest.Start(t, "--replicaof", "127.0.0.1 "+master.Port())
	redistest.Wait(t, "the replica to have all", func() bool {
		return strings.Contains(fmt.Sprint(second.Do("INFO", "replication")), "master_link_status:up")
	})
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := "sentinel monitor limits 127.0.0.1 " + master.Port() + " 1\n" +
		"sentinel down-after-milliseconds limits 500\nsentinel failover-timeout limits 3000\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := redistest.Start(t, config, "--sentinel")
	redistest.Wait(t, "Sentinel to know the replica", func() bool {
		return strings.Contains(fmt.Sprint(sentinel.Do("INFO", "sentinel")), "slaves=1")
	})
	s := onRedis(t, "redis+sentinel://"+sentinel.Addr()+"/limits")
	prepared(t, s)
	redistest.Wait(t, "the replica to have the counts", func() bool { return second.Do("DBSIZE").(int64) >= 3 })

	master.Kill()
	failing(t, s)
	redistest.Wait(t, "the replica to be master", func() bool {
		// Sentinel ends its connections when it becomes that.
		about, err := second.Try("INFO", "replication")
		return err == nil && strings.Contains(fmt.Sprint(about), "role:master")
	})
	recovers(t, s, within, 30)
	if got := second.Do("EXISTS", "gatehouse:w:quota"); got != int64(1) {
		t.Error("the new master has not got the quota")
	}
}

// TestClusterLosesANode: counters of other nodes go on to be counted once the circuit is
// closed again, and those of the lost one are answered by their mode until it is back.
func TestClusterLosesANode(t *testing.T) {
	servers := redistest.Cluster(t, 3)
	for _, server := range servers {
		server.Do("CONFIG", "SET", "cluster-require-full-coverage", "no")
	}
	// What is asked in vain fails at once, and what took too long might be counted twice.
	s := patientOnRedis(t, "redis+cluster://"+servers[0].Addr()+","+servers[1].Addr(), 5*time.Second)
	prepared(t, s)
	// Not the one that is asked whether Redis is back.
	lost := servers[2]
	if slot := lost.Do("CLUSTER", "KEYSLOT", "gatehouse:b:probe").(int64); slot >= 16384*2/3 {
		lost = servers[1]
	}
	lost.Kill()
	for i := range 300 {
		// No error, whatever nodes they are on.
		asks := []ratelimit.Ask{window(fmt.Sprint("counter ", i), 100, 1, gateway.FailLocal), window(fmt.Sprint("other ", i), 100, 1, gateway.FailOpen)}
		if _, err := s.Take(t.Context(), asks); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "what counters of other nodes lack to be counted", func() bool { return s.owed.end() < 300 })
	lost.Run()
	wait(t, "all to be counted", func() bool { return !s.open.Load() && s.owed.end() == 0 })
	wrong := map[int64]int{}
	for i := range 300 {
		for _, name := range []string{"counter ", "other "} {
			// Redis says it itself, and has time for it.
			if left := take(t, s.options.Store, window(fmt.Sprint(name, i), 100, 0, gateway.FailClosed)).Remaining; left != 99 {
				wrong[left]++
			}
		}
	}
	if len(wrong) > 0 {
		t.Errorf("of 600 counters that were used once, these numbers of 100 are left of some: %v", wrong)
	}
}

// TestOneClock: two services have one count, whose period ends when it does by Redis's
// clock.
func TestOneClock(t *testing.T) {
	server := redistest.Start(t)
	a, b := onRedis(t, server.URL()), onRedis(t, server.URL())
	prepared(t, a)
	if got := take(t, b, window("quota", 100, 61, gateway.FailClosed)); got.Granted != 0 || got.Remaining != 60 {
		t.Errorf("the second service: %+v", got)
	}
	now := server.Do("TIME").([]any)
	var seconds int64
	if _, err := fmt.Sscan(fmt.Sprint(now[0]), &seconds); err != nil {
		t.Fatal(err)
	}
	_, end := ratelimit.Year.Bounds(time.Unix(seconds, 0))
	got := take(t, b, window("quota", 100, 0, gateway.FailClosed))
	if off := got.Reset - end.Sub(time.Unix(seconds, 0)); off > time.Second || off < -5*time.Second {
		t.Errorf("the period ends in %s", got.Reset)
	}
}
