package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap/zapcore"

	"gatehouse/gateway"
	"gatehouse/management/store"
)

// Cluster says where an etcd cluster is, and how to reach it.
type Cluster struct {
	Endpoints []string
	// TLS is nil for connections without.
	TLS      *tls.Config
	User     string
	Password gateway.Secret
}

// connectTimeout is how long a cluster may take to be found at first.
const connectTimeout = 5 * time.Second

// Connect opens a store that an etcd cluster keeps. A cluster that does not answer is no
// error: the store is not available, then, until it does.
func Connect(ctx context.Context, c Cluster, log *slog.Logger) (*Store, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints: c.Endpoints, TLS: c.TLS, Username: c.User, Password: c.Password.Reveal(),
		DialTimeout: connectTimeout, DialKeepAliveTime: 5 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
		MaxCallSendMsgSize: maxRequest + 1<<20,
		Logger:             quiet(log, zapcore.WriteThenPanic),
	})
	if err != nil {
		return nil, told(err)
	}
	s := start(client, log, nil, nil)
	ready, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := s.Ready(ready); err != nil && !errors.Is(err, store.ErrUnavailable) {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
