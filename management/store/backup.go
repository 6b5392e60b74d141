package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// A backup is JSON, a line for each document between a first and a last line: it can be
// read by people and by jq, and put into any store, whatever kept it. It has all secrets
// that the store has.

const (
	backupFormat = "gatehouse management store 1"
	// maxBackupLine bounds a line: the largest document, escaped.
	maxBackupLine = 256 << 20
	// restoreBytes and restoreEntries bound what is restored by one transaction.
	restoreBytes, restoreEntries = 1 << 20, 100
)

type backupHead struct {
	Format  string    `json:"format"`
	Written time.Time `json:"written"`
}

type backupEntry struct {
	Key string `json:"key"`
	// Document is the value where it is JSON in its shortest form, Data any other.
	Document json.RawMessage `json:"document,omitempty"`
	Data     []byte          `json:"data,omitempty"`
}

type backupEnd struct {
	Documents int    `json:"documents"`
	SHA256    string `json:"sha256"`
}

// Backup writes everything as it is at one moment.
func Backup(ctx context.Context, s Store, w io.Writer) (documents int, err error) {
	var entries []Entry
	err = s.View(ctx, func(r Reader) (err error) {
		entries, err = r.List("")
		return err
	})
	if err != nil {
		return 0, err
	}
	sum := sha256.New()
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(io.MultiWriter(out, sum))
	lines.SetEscapeHTML(false)
	if err := lines.Encode(backupHead{backupFormat, time.Now().UTC().Truncate(time.Second)}); err != nil {
		return 0, err
	}
	for _, e := range entries {
		if err := lines.Encode(backupEntryOf(e)); err != nil {
			return 0, err
		}
	}
	end, err := json.Marshal(backupEnd{len(entries), hex.EncodeToString(sum.Sum(nil))})
	if err != nil {
		return 0, err
	}
	if _, err := out.Write(append(end, '\n')); err != nil {
		return 0, err
	}
	return len(entries), out.Flush()
}

func backupEntryOf(e Entry) backupEntry {
	var short bytes.Buffer
	if json.Compact(&short, e.Value) == nil && bytes.Equal(short.Bytes(), e.Value) {
		return backupEntry{Key: e.Key, Document: e.Value}
	}
	return backupEntry{Key: e.Key, Data: e.Value}
}

// ErrNotEmpty is what Restore answers for a store that has documents.
var ErrNotEmpty = errors.New("the store is not empty")

// unfinished is there while a restore is under way: a store that has it lacks documents.
const unfinished = "restore/unfinished"

// Unfinished reports whether a restore was cut off.
func Unfinished(r Reader) (bool, error) {
	_, err := r.Get(unfinished)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Restore puts a backup into a store, which must be empty unless what it has is to be
// replaced. The backup is read to its end before anything is changed.
func Restore(ctx context.Context, s Store, r io.Reader, replace bool) (documents int, err error) {
	entries, err := readBackup(r)
	if err != nil {
		return 0, fmt.Errorf("this is no backup that can be restored: %w", err)
	}
	err = s.Update(ctx, func(tx Tx) error {
		old, err := tx.List("")
		if err != nil {
			return err
		}
		if len(old) > 0 && !replace && old[0].Key != unfinished {
			if cut, err := Unfinished(tx); err != nil || !cut {
				return errors.Join(ErrNotEmpty, err)
			}
		}
		// Folder by folder, which is one operation each.
		for _, e := range old {
			if folder, _, below := strings.Cut(e.Key, "/"); below && e.Key != unfinished {
				tx.DeleteAll(folder + "/")
			} else if !below {
				tx.Delete(e.Key)
			}
		}
		tx.Put(unfinished, []byte(`{}`))
		return nil
	})
	if err != nil {
		return 0, err
	}
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && n < restoreEntries && (n == 0 || size+len(entries[n].Value) <= restoreBytes) {
			size += len(entries[n].Value)
			n++
		}
		part := entries[:n]
		entries = entries[n:]
		err := s.Update(ctx, func(tx Tx) error {
			for _, e := range part {
				tx.Put(e.Key, e.Value)
			}
			return nil
		})
		if err != nil {
			return documents, fmt.Errorf("after %d documents: %w", documents, err)
		}
		documents += n
	}
	return documents, s.Update(ctx, func(tx Tx) error { tx.Delete(unfinished); return nil })
}

func readBackup(r io.Reader) ([]Entry, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	sum := sha256.New()
	var head backupHead
	line, err := backupLine(in)
	if err == nil {
		err = json.Unmarshal(line, &head)
	}
	if err != nil || head.Format != backupFormat {
		return nil, fmt.Errorf("it does not begin as one of this version does (%q)", backupFormat)
	}
	_, _ = sum.Write(line)
	var entries []Entry
	for n := 2; ; n++ {
		line, err := backupLine(in)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		var e struct {
			backupEntry
			backupEnd
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if e.SHA256 != "" {
			return entries, checkEnd(e.backupEnd, len(entries), sum, in)
		}
		if e.Key == "" || strings.HasPrefix(e.Key, "/") {
			return nil, fmt.Errorf("line %d: the key %q is none", n, e.Key)
		}
		_, _ = sum.Write(line)
		value := e.Data
		if e.Document != nil {
			value = e.Document
		}
		entries = append(entries, Entry{e.Key, value})
	}
}

func checkEnd(end backupEnd, documents int, sum hash.Hash, rest *bufio.Reader) error {
	if end.Documents != documents || end.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
		return errors.New("it is damaged: its checksum is another")
	}
	if _, err := rest.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

// backupLine reads a line with its end, which the last one must have, too.
func backupLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxBackupLine {
			return nil, errors.New("the line is too long")
		}
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("it is cut off")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
