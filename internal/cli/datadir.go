package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/revision"
)

// openStore opens the data directory. The default one is a convenience, without
// which serving goes on; one that was asked for must be had.
func openStore(dir string, paths, limitFiles []string, roles rolesFlag, log *slog.Logger) (*revision.Store, error) {
	if dir != "" {
		return revision.NewStore(dir)
	}
	dir, err := defaultDataDir(paths, limitFiles, roles)
	if err == nil {
		var store *revision.Store
		if store, err = revision.NewStore(dir); err == nil {
			return store, nil
		}
	}
	log.Warn("the last good revision is not kept for a restart; give a folder with --data-dir", "error", err)
	return nil, nil
}

// issuerKeysFile is where the key sets of token issuers are kept; nowhere without a
// data directory.
func issuerKeysFile(store *revision.Store) string {
	if store == nil {
		return ""
	}
	return filepath.Join(filepath.Dir(store.Path()), "issuer-keys.json")
}

// defaultDataDir differs for different definitions and files of rate limits: what one
// gateway served last must never be served by another. It differs for processes with different roles, too,
// which may run side by side.
func defaultDataDir(paths, limitFiles []string, roles rolesFlag) (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".local", "state")
	}
	var absolute []string
	for _, p := range paths {
		a, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		absolute = append(absolute, a)
	}
	for _, p := range limitFiles {
		a, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		absolute = append(absolute, "rate limits "+a)
	}
	if roles.some != nil {
		absolute = append(absolute, "roles "+roles.String())
	}
	sum := sha256.Sum256([]byte(strings.Join(absolute, "\x00")))
	return filepath.Join(base, "gatehouse", hex.EncodeToString(sum[:6])), nil
}
