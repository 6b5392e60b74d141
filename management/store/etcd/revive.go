package etcd

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// The pauses between tries to start a server anew.
const (
	reviveFirst = 500 * time.Millisecond
	reviveLast  = 30 * time.Second
)

// keepServer puts another server in the place of the embedded one whenever that has failed,
// as on a disk that was full. Reads go on meanwhile.
func (s *Store) keepServer(ctx context.Context) {
	for {
		dead := s.room.server.Load()
		select {
		case <-ctx.Done():
			return
		case <-dead.failed:
			s.log.Error("the embedded etcd has failed, and is started anew; reads and what is served go on", "reason", dead.reason)
			s.revive(ctx, dead)
		}
	}
}

// revive tries until there is a server again.
func (s *Store) revive(ctx context.Context, dead *server) {
	ended := dead.end()
	told := ""
	for wait := reviveFirst; ; wait = min(2*wait, reviveLast) {
		next, tried, err := s.room.restart(ctx, s.log, ended)
		if err == nil {
			s.room.server.Store(next)
			s.connect(v3client.New(next.etcd.Server))
			s.log.Info("the embedded etcd serves again")
			return
		}
		if problem := err.Error(); problem != told && ctx.Err() == nil {
			told = problem
			s.log.Warn("the embedded etcd cannot be started anew; it is tried on", "error", err)
		}
		// One that did not get to serve may have the files, too.
		ended = ended && !tried
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// restart starts a server on the same files. Where the one before has not ended, they are
// taken from it first. It reports whether a server was begun.
func (r *room) restart(ctx context.Context, log *slog.Logger, ended bool) (next *server, begun bool, err error) {
	needed := r.least
	if !ended {
		size, err := sizeOf(member(r.dir))
		if err != nil {
			return nil, false, err
		}
		needed += size // What is left behind keeps its room until the process ends.
	}
	if err := r.free(needed); err != nil {
		return nil, false, err
	}
	if !ended {
		if err := release(member(r.dir)); err != nil {
			return nil, false, err
		}
	}
	if err := writable(r.dir); err != nil {
		return nil, false, err
	}
	next, err = startServer(ctx, r.dir, log)
	return next, true, err
}

// temporary is what files are called that are not complete: by etcd, and here.
const temporary = ".tmp"

// release puts copies in the place of all files of a directory. A server that has failed
// may have the old ones locked, and these are nobody's then. At every moment there is the
// one or the other, of the same content: the process may end at any.
func release(dir string) error {
	return eachFile(dir, func(path string, _ fs.FileInfo) error {
		if strings.HasSuffix(path, temporary) {
			// A segment of the log that was made ahead of time, or a copy that was cut off.
			return os.Remove(path)
		}
		return replaceByCopy(path)
	})
}

func replaceByCopy(path string) (err error) {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path+temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = os.Rename(path+temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+temporary))
	}
	return nil
}

func sizeOf(dir string) (size uint64, err error) {
	err = eachFile(dir, func(_ string, about fs.FileInfo) error {
		size += uint64(about.Size())
		return nil
	})
	return size, err
}

// eachFile visits all files below a directory. One that goes away meanwhile is none.
func eachFile(dir string, visit func(path string, about fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return nil
		}
		if err == nil {
			var about fs.FileInfo
			if about, err = entry.Info(); err == nil {
				err = visit(path, about)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
