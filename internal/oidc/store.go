package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"gatehouse/gateway/jwks"
	"gatehouse/internal/durable"
)

const (
	storeVersion = 1
	// forgetAfter is how long the keys of issuers that nobody names are kept.
	forgetAfter = 7 * 24 * time.Hour
)

// storedSet is a key set with what is known of it.
type storedSet struct {
	url string
	// keys is the set in its canonical form; empty for none.
	keys  string
	count int
	// endpoint takes the place of keys for an issuer that is asked about its tokens.
	endpoint string
	// confirmed is when the issuer last said that these are its keys, changed when it
	// first did.
	confirmed, changed time.Time
}

// known reports whether there is anything to decide about tokens with.
func (s storedSet) known() bool { return s.keys != "" || s.endpoint != "" }

// storeJSON is the file. It holds nothing secret, but what it says is trusted.
type storeJSON struct {
	Version int          `json:"version"`
	Sets    []storedJSON `json:"sets"`
}

type storedJSON struct {
	// ID is the identity of the issuer.
	ID        string          `json:"id"`
	Issuer    string          `json:"issuer"`
	Keys      json.RawMessage `json:"keys,omitempty"`
	Endpoint  string          `json:"introspectionEndpoint,omitempty"`
	Confirmed time.Time       `json:"confirmed"`
	Changed   time.Time       `json:"changed"`
}

// load reads the file. Without one, or with a broken one, all is fetched anew.
func (k *Keeper) load() map[string]storedSet {
	sets := map[string]storedSet{}
	if k.opts.Path == "" {
		return sets
	}
	content, err := os.ReadFile(k.opts.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return sets
	}
	if err == nil {
		err = readSets(content, sets)
	}
	if err != nil {
		k.log.Warn("kept keys of issuers cannot be read, and are fetched anew", "file", k.opts.Path, "error", err)
	}
	return sets
}

func readSets(content []byte, sets map[string]storedSet) error {
	var file storeJSON
	if err := json.Unmarshal(content, &file); err != nil {
		return errors.New("the file is damaged")
	}
	if file.Version != storeVersion {
		return fmt.Errorf("the file has version %d, which is of another release", file.Version)
	}
	var problems []error
	for _, s := range file.Sets {
		// By the rules of today: another release may have kept other keys.
		var set jwks.Set
		var err error
		if s.Endpoint != "" {
			err = checkPlace(s.Endpoint, s.Issuer)
		} else {
			set, err = jwks.Parse(s.Keys)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", shortened(s.Issuer), err))
			continue
		}
		// A clock that was wrong must not make keys young for ever.
		if now := time.Now(); s.Confirmed.After(now) {
			s.Confirmed = now
		}
		sets[s.ID] = storedSet{s.Issuer, set.JSON, set.Keys, s.Endpoint, s.Confirmed, s.Changed}
	}
	return errors.Join(problems...)
}

// save writes the file whenever there is something new, until the Keeper is closed.
func (k *Keeper) save() {
	defer close(k.saved)
	for {
		select {
		case <-k.ctx.Done():
			k.running.Wait()
			select {
			case <-k.unsaved:
				k.write()
			default:
			}
			return
		case <-k.unsaved:
			k.write()
		}
	}
}

func (k *Keeper) write() {
	if k.opts.Path == "" {
		return
	}
	k.mu.Lock()
	maps.DeleteFunc(k.stored, func(_ string, s storedSet) bool { return time.Since(s.confirmed) > forgetAfter })
	sets := maps.Clone(k.stored)
	for id, i := range k.issuers {
		if i.known() {
			sets[id] = i.storedSet
		}
	}
	k.mu.Unlock()
	file := storeJSON{Version: storeVersion, Sets: []storedJSON{}}
	for _, id := range slices.Sorted(maps.Keys(sets)) {
		s := sets[id]
		file.Sets = append(file.Sets, storedJSON{id, s.url, json.RawMessage(s.keys), s.endpoint, s.confirmed.UTC(), s.changed.UTC()})
	}
	content, err := json.MarshalIndent(file, "", " ")
	if err == nil {
		err = durable.Replace(k.opts.Path, append(content, '\n'))
	}
	if err != nil {
		k.log.Warn("the keys of issuers are not kept for a restart", "file", k.opts.Path, "error", err)
	}
}
