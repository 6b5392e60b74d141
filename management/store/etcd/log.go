package etcd

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// quiet takes etcd's log to ours. What etcd warns of, and many of its errors, are its
// everyday life, which is for those who debug: what has consequences is told by the store.
func quiet(log *slog.Logger, end zapcore.CheckWriteHook) *zap.Logger {
	return zap.New(&core{log: log},
		// Where etcd would end the process.
		zap.WithFatalHook(end), zap.WithPanicHook(end))
}

type core struct {
	log    *slog.Logger
	fields []zapcore.Field
}

func level(l zapcore.Level) slog.Level {
	if l >= zapcore.DPanicLevel {
		return slog.LevelError
	}
	return slog.LevelDebug
}

func (c *core) Enabled(l zapcore.Level) bool {
	return l > zapcore.DebugLevel && c.log.Enabled(context.Background(), level(l))
}

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	return &core{c.log, append(append([]zapcore.Field(nil), c.fields...), fields...)}
}

func (c *core) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

func (c *core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	object := zapcore.NewMapObjectEncoder()
	for _, f := range c.fields {
		f.AddTo(object)
	}
	for _, f := range fields {
		f.AddTo(object)
	}
	attrs := make([]slog.Attr, 0, 1)
	if len(object.Fields) > 0 {
		attrs = append(attrs, slog.Any("about", object.Fields))
	}
	c.log.LogAttrs(context.Background(), level(e.Level), "etcd: "+e.Message, attrs...)
	return nil
}

func (c *core) Sync() error { return nil }
