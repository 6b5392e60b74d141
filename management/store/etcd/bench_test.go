package etcd_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"gatehouse/management/store"
	"gatehouse/management/store/etcd"
)

// BenchmarkUpdate writes documents as calls of the management API do, several at a time:
// each reads one document, and writes another.
func BenchmarkUpdate(b *testing.B) {
	s, err := etcd.Embed(b.Context(), b.TempDir(), quietly())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var next atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := next.Add(1)
			err := s.Update(b.Context(), func(tx store.Tx) error {
				_, _ = tx.Get(fmt.Sprint("r/apis/", i%100))
				tx.Put(fmt.Sprint("r/apis/", i%100, "/routes/", i), []byte(`{"routeKey":"GET /pets","target":"integrations/abc"}`))
				return nil
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}
