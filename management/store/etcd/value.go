package etcd

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

const (
	// compressFrom is the size from which it pays to compress.
	compressFrom = 2 << 10
	// maxDocument bounds what a compressed document may become.
	maxDocument = 64 << 20
)

// gzipMagic begins values that are compressed. JSON never begins so.
var gzipMagic = []byte{0x1f, 0x8b}

// packed makes what etcd keeps of a document.
func packed(value []byte) ([]byte, error) {
	if len(value) < compressFrom && !bytes.HasPrefix(value, gzipMagic) {
		return value, nil
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(value); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// unpacked is the document that etcd keeps.
func unpacked(kept []byte) ([]byte, error) {
	if !bytes.HasPrefix(kept, gzipMagic) {
		return kept, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(kept))
	if err != nil {
		return nil, err
	}
	value, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(value) > maxDocument {
		return nil, fmt.Errorf("the document is larger than %d bytes", maxDocument)
	}
	return value, nil
}
