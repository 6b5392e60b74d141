package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// asset is a file that pages refer to, as it is and compressed.
type asset struct {
	kind          string
	plain, packed []byte
	hash          string
}

// assets are by name. Their URLs hold their hashes, so that browsers keep them for as long
// as they stay the same.
var assets = func() map[string]*asset {
	entries, err := assetFiles.ReadDir("assets")
	if err != nil { // of what is in the binary
		panic(err)
	}
	all := map[string]*asset{}
	for _, e := range entries {
		plain, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(plain)
		all[e.Name()] = &asset{kindOf(e.Name()), plain, pack(plain, gzip.BestCompression), hex.EncodeToString(sum[:8])}
	}
	return all
}()

// kindOf does not depend on what the machine has in its tables.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// assetURL is where a page finds an asset.
func assetURL(name string) (string, error) {
	a := assets[name]
	if a == nil {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return Prefix + "assets/" + name + "?" + a.hash, nil
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	a := assets[r.PathValue("name")]
	if a == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if r.URL.RawQuery == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, tag := a.plain, `"`+a.hash+`"`
	if acceptsGzip(r) {
		body, tag = a.packed, `"`+a.hash+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", tag)
	for _, known := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(known), "W/") == tag {
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	write(w, http.StatusOK, a.kind, body)
}

func acceptsGzip(r *http.Request) bool {
	for _, accepted := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		coding, quality, _ := strings.Cut(accepted, ";")
		if strings.TrimSpace(coding) == "gzip" {
			quality = strings.ReplaceAll(quality, " ", "")
			return quality != "q=0" && !strings.HasPrefix(quality, "q=0.000")
		}
	}
	return false
}

func pack(plain []byte, level int) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil { // of a level that is constant
		panic(err)
	}
	// A buffer takes all.
	_, _ = w.Write(plain)
	_ = w.Close()
	return b.Bytes()
}

// write answers as a whole; a client that went away is nobody's problem.
func write(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
