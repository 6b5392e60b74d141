package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	swaggerui "github.com/swaggest/swgui/v5/static"
)

//go:embed assets
var ownAssets embed.FS

// viewerFiles are those of Swagger UI that a page needs. They are kept compressed.
var viewerFiles = []string{"swagger-ui-bundle.js", "swagger-ui.css"}

// asset is a file for browsers.
type asset struct {
	content, packed []byte
	kind, tag       string
}

var assets = sync.OnceValues(func() (map[string]*asset, error) {
	all := map[string]*asset{}
	own, err := ownAssets.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, f := range own {
		content, err := ownAssets.ReadFile("assets/" + f.Name())
		if err != nil {
			return nil, err
		}
		all[f.Name()] = newAsset(f.Name(), content, nil)
	}
	for _, name := range viewerFiles {
		packed, err := swaggerui.FS.ReadFile(name + ".gz")
		if err != nil {
			return nil, err
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(unpacked)
		if err != nil {
			return nil, err
		}
		all[name] = newAsset(name, content, packed)
	}
	return all, nil
})

func newAsset(name string, content, packed []byte) *asset {
	sum := sha256.Sum256(content)
	return &asset{content, packed, mime.TypeByExtension(path.Ext(name)), `W/"` + hex.EncodeToString(sum[:12]) + `"`}
}

func (s *Server) sendAsset(w http.ResponseWriter, r *http.Request, _ *site) error {
	all, err := assets()
	if err != nil {
		return err
	}
	a := all[r.PathValue("file")]
	if a == nil {
		return errNoPage
	}
	return sendFile(w, r, a)
}

func sendFile(w http.ResponseWriter, r *http.Request, a *asset) error {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	content := a.content
	if a.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = a.packed
	}
	_, _ = w.Write(content)
	return nil
}
