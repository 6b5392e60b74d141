package revision

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/durable"
)

const (
	storeFile = "last-good-revision"
	// storeMagic names the format; a file of another one is not read.
	storeMagic = "gatehouse revision 1\n"
)

// ErrNothingStored says that a Store is empty.
var ErrNothingStored = errors.New("no revision is stored")

// Store keeps one snapshot in a directory. The file holds private keys and API
// keys as they are, so only its owner may read it.
type Store struct {
	dir string
}

// NewStore makes the directory if there is none.
func NewStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	s := &Store{dir: dir}
	s.removeLeftovers()
	return s, nil
}

// removeLeftovers removes what a Save left that was cut short by the end of its
// process. They hold secrets, and nobody will ever read them. One that is young
// may be of another process that is at work.
func (s *Store) removeLeftovers() {
	names, _ := filepath.Glob(filepath.Join(s.dir, storeFile+".*.tmp"))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(name) // Next time, then.
		}
	}
}

// Path is the file that holds the snapshot.
func (s *Store) Path() string { return filepath.Join(s.dir, storeFile) }

// stored is what the file holds after the magic line and the checksum.
type stored struct {
	Revision string
	Snapshot *gateway.Snapshot
	Zeros    []bool
}

// Save replaces what is stored. A crash at any moment leaves the old file or the
// new one, never a part.
func (s *Store) Save(snapshot *gateway.Snapshot) error {
	var payload bytes.Buffer
	err := gob.NewEncoder(&payload).Encode(stored{snapshot.Revision(), snapshot, zeroPointers(snapshot)})
	if err != nil {
		return fmt.Errorf("encoding revision %s: %w", snapshot.Revision(), err)
	}
	sum := sha256.Sum256(payload.Bytes())
	content := append([]byte(storeMagic+hex.EncodeToString(sum[:])+"\n"), payload.Bytes()...)
	if err := durable.Replace(s.Path(), content); err != nil {
		return fmt.Errorf("storing revision %s: %w", snapshot.Revision(), err)
	}
	return nil
}

// Load gives the stored snapshot, sealed, or ErrNothingStored.
func (s *Store) Load() (*gateway.Snapshot, error) {
	content, err := os.ReadFile(s.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNothingStored
	case err != nil:
		return nil, fmt.Errorf("stored revision: %w", err)
	}
	snapshot, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("stored revision %s: %w", s.Path(), err)
	}
	return snapshot, nil
}

func decode(content []byte) (*gateway.Snapshot, error) {
	rest, ok := bytes.CutPrefix(content, []byte(storeMagic))
	if !ok {
		return nil, errors.New("not a revision file of this version of gatehouse")
	}
	sum, payload, ok := bytes.Cut(rest, []byte("\n"))
	if actual := sha256.Sum256(payload); !ok || hex.EncodeToString(actual[:]) != string(sum) {
		return nil, errors.New("the checksum does not match: the file is damaged")
	}
	var st stored
	if err := gob.NewDecoder(bytes.NewReader(payload)).Decode(&st); err != nil {
		return nil, fmt.Errorf("decoding: %w", err)
	}
	if st.Snapshot == nil {
		return nil, errors.New("it holds no snapshot")
	}
	if err := restoreZeroPointers(st.Snapshot, st.Zeros); err != nil {
		return nil, err
	}
	shareDeployments(st.Snapshot.Seal())
	if st.Snapshot.Revision() != st.Revision {
		// The model has changed since: what was meant then cannot be told now.
		return nil, fmt.Errorf("it was stored as revision %s, but reads as %s: written by another version of gatehouse", st.Revision, st.Snapshot.Revision())
	}
	return st.Snapshot, nil
}

// shareDeployments makes stages of one definition share its deployment again: gob
// writes one copy per pointer.
func shareDeployments(s *gateway.Snapshot) {
	byHash := map[string]*gateway.Deployment{}
	share := func(d *gateway.Deployment) *gateway.Deployment {
		if d == nil {
			return nil
		}
		if known := byHash[d.Hash()]; known != nil {
			return known
		}
		byHash[d.Hash()] = d
		return d
	}
	for i := range s.APIs {
		for j := range s.APIs[i].Stages {
			stage := &s.APIs[i].Stages[j]
			stage.Deployment = share(stage.Deployment)
			if stage.Canary != nil {
				stage.Canary.Deployment = share(stage.Canary.Deployment)
			}
		}
	}
}
