package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/management/store"
	"gatehouse/management/store/etcd"
)

// backupTimeout bounds a whole backup or restore.
const backupTimeout = 10 * time.Minute

// storeFlags say which store is meant.
type storeFlags struct {
	etcd            etcdFlags
	dataDir, server string
	log             logFlags
}

func (f *storeFlags) add(cmd *cobra.Command) {
	f.log = addLogFlags(cmd)
	f.etcd.add(cmd.Flags())
	cmd.Flags().StringVar(&f.dataDir, "data-dir", "", "data directory of a gatehouse that does not run")
	// What the environment says of it is meant for the one that runs.
	cmd.Flags().Lookup("data-dir").Annotations = map[string][]string{noEnv: nil}
}

// open opens the store, which only one process at a time can have of a data directory.
func (f *storeFlags) open(ctx context.Context, log *slog.Logger) (*etcd.Store, error) {
	if err := f.etcd.check(); err != nil {
		return nil, err
	}
	if len(f.etcd.endpoints) > 0 && f.dataDir != "" {
		return nil, usagef("--data-dir and --etcd-endpoints are two stores")
	}
	if len(f.etcd.endpoints) > 0 {
		s, err := f.etcd.connect(ctx, log)
		if err != nil {
			return nil, err
		}
		ready, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := s.Ready(ready); err != nil {
			return nil, errors.Join(fmt.Errorf("--etcd-endpoints: %w", err), s.Close())
		}
		return s, nil
	}
	return etcd.Embed(ctx, embeddedStore(f.dataDir), log)
}

func newStore() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "store",
		GroupID: groupWork,
		Short:   "Back up and restore what the management API keeps",
		Long: "Store works on what the management API was told: APIs, deployments, stages, keys, plans\n" +
			"and domains. Backups are lines of JSON, the same for the embedded store and for a\n" +
			"cluster. They hold all secrets that the store holds, such as API keys.",
		Example: "  gatehouse store backup gatehouse.backup\n" +
			"  gatehouse store restore --data-dir restored gatehouse.backup",
		Args: args(cobra.NoArgs),
	}
	cmd.AddCommand(newStoreBackup(), newStoreRestore())
	return cmd
}

func newStoreBackup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all that the management API keeps into a file",
		Long: "Backup asks a running gatehouse, whose management API is open to this machine, or\n" +
			"reads an etcd cluster, or the data directory of a gatehouse that does not run. The\n" +
			"file, which only its owner may read, is replaced as a whole; - is standard output.",
		Example: "  gatehouse store backup gatehouse.backup\n" +
			"  gatehouse store backup --etcd-endpoints http://127.0.0.1:2379 gatehouse.backup",
		Args: args(cobra.ExactArgs(1)),
	}
	var flags storeFlags
	flags.add(cmd)
	cmd.Flags().StringVar(&flags.server, "server", "http://127.0.0.1:8001", "the --http-address of a running gatehouse, as a URL")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), backupTimeout)
		defer cancel()
		write := func(w io.Writer) error { return askBackup(ctx, flags.server, w) }
		if len(flags.etcd.endpoints) > 0 || flags.dataDir != "" {
			if _, err := os.Stat(embeddedStore(flags.dataDir)); err != nil && flags.dataDir != "" {
				return fmt.Errorf("--data-dir: nothing is kept there: %w", err)
			}
			s, err := flags.open(ctx, flags.log.logger(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			write = func(w io.Writer) error { _, err := store.Backup(ctx, s, w); return err }
		}
		if names[0] == "-" {
			return write(cmd.OutOrStdout())
		}
		return writePrivate(names[0], write)
	}
	return cmd
}

// writePrivate writes a file that only its owner may read; there is the old one, or the
// whole new one.
func writePrivate(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// askBackup asks a running server.
func askBackup(ctx context.Context, server string, w io.Writer) error {
	at, err := url.Parse(server)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return usagef("--server %q is not a URL such as http://127.0.0.1:8001", server)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("backup").String(), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("no gatehouse answers there: %w; of one that does not run, name the --data-dir", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: its management API is not open to this machine; name the --etcd-endpoints, or stop it and name its --data-dir", server, answer.Status)
	}
	_, err = io.Copy(w, answer.Body)
	return err
}

func newStoreRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup back",
		Long: "Restore puts what a backup holds into an etcd cluster, or into the data directory of a\n" +
			"gatehouse that does not run; - is standard input. One that is cut off is to be done\n" +
			"again: until then the management API does not start.",
		Example: "  gatehouse store restore --data-dir restored gatehouse.backup",
		Args:    args(cobra.ExactArgs(1)),
	}
	var flags storeFlags
	flags.add(cmd)
	replace := cmd.Flags().Bool("replace", false, "give up what the store has")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		if flags.dataDir == "" && len(flags.etcd.endpoints) == 0 {
			return usagef("say where to, with --data-dir or --etcd-endpoints")
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), backupTimeout)
		defer cancel()
		in := cmd.InOrStdin()
		if names[0] != "-" {
			f, err := os.Open(names[0])
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		s, err := flags.open(ctx, flags.log.logger(cmd.ErrOrStderr()))
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		n, err := store.Restore(ctx, s, in, *replace)
		if errors.Is(err, store.ErrNotEmpty) {
			return fmt.Errorf("%w: --replace gives up what it has", err)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "restored %d documents\n", n)
		return err
	}
	return cmd
}

// backupPage is what 'store backup' asks for.
func backupPage(c *controlPlane) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// Web pages have it from nowhere; this is for those that a browser would let ask.
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			answer(w, http.StatusForbidden, "not for browsers")
			return
		}
		w.Header().Set("Content-Type", "application/jsonl")
		if _, err := store.Backup(r.Context(), c.stored.store, w); err != nil {
			c.log.Error("a backup was cut off", "error", err)
			// What was sent has no end, by which it is known.
			panic(http.ErrAbortHandler)
		}
	}
}
