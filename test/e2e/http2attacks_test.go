package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"gatehouse/gateway"
)

// What an HTTP/2 client says twice, or in a place where it does not belong, leads nowhere:
// either it is what HTTP/1.1 would have it, or the connection ends without an answer.
func TestUnusualHTTP2Requests(t *testing.T) {
	g := startKeysAndHook(t)
	const keys, hook = "keys.execute-api.localhost", "hook.execute-api.localhost"
	get := func(host, path string, more ...string) []string {
		return append([]string{":method", "GET", ":scheme", "http", ":authority", host, ":path", path}, more...)
	}
	// Envoy waits a second before it closes a connection: all at once.
	var group sync.WaitGroup
	defer group.Wait()
	for name, c := range map[string]struct {
		fields []string
		// status is "" where no answer is to come.
		status string
		// of has to be in the body.
		of string
	}{
		"plain":                    {get(hook, "/v1/x"), "200", `"Host":"hook.`},
		"another Host":             {get(hook, "/v1/x", "host", "evil.example"), "200", `"Host":"hook.`},
		"another API's Host":       {get(keys, "/v1/open", "host", hook), "200", `"path":"/open"`},
		"a Host alone":             {[]string{":method", "GET", ":scheme", "http", ":path", "/v1/open", "host", keys}, "200", `"path":"/open"`},
		"two Hosts":                {[]string{":method", "GET", ":scheme", "http", ":path", "/v1/open", "host", keys, "host", hook}, "", ""},
		"two authorities":          {get(hook, "/v1/x", ":authority", keys), "", ""},
		"a user in the authority":  {get("x@"+keys, "/v1/open"), "", ""},
		"a path in the authority":  {get(keys+"/v1/closed?", "/v1/open"), "", ""},
		"https without TLS":        {[]string{":method", "GET", ":scheme", "https", ":authority", hook, ":path", "/v1/x"}, "200", `"X-Forwarded-Proto":"http"`},
		"two paths":                {get(keys, "/v1/open", ":path", "/v1/closed"), "", ""},
		"a path after the headers": {append(get(keys, "/v1/open", "a", "b"), ":path", "/v1/closed"), "", ""},
		"a URL for a path":         {get(keys, "http://"+hook+"/v1/x"), "", ""},
		"a line in the path":       {get(keys, "/v1/open HTTP/1.1\r\nX-Gw-Key: a"), "", ""},
		"a path in the method":     {[]string{":method", "GET /v1/closed", ":scheme", "http", ":authority", keys, ":path", "/v1/open"}, "", ""},
		"a line in a header":       {get(keys, "/v1/open", "x-a", "b\r\nx-gw-key: c"), "", ""},
		"capitals":                 {get(keys, "/v1/open", "X-Gw-Key", "a"), "", ""},
		"a connection's header":    {get(keys, "/v1/open", "connection", "x-a"), "", ""},
		"chunks":                   {get(keys, "/v1/open", "transfer-encoding", "chunked"), "", ""},
		"a length without a body":  {get(keys, "/v1/open", "content-length", "5"), "", ""},
		"an extended CONNECT":      {[]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", keys, ":path", "/v1/closed"}, "", ""},
		"two keys, the right last": {get(keys, "/v1/closed", "x-api-key", "a", "x-api-key", goldKey), "403", "Forbidden"},
		"a blank before the key":   {get(keys, "/v1/closed", "x-api-key", " "+goldKey), "403", "Forbidden"},
		"the right key":            {get(keys, "/v1/closed", "x-api-key", goldKey), "200", `"x-key-id":["gold"]`},
		"the gateway's headers":    {get(hook, "/v1/x", "x-gw-key", "|p|:admin", "x-gw-client", "admin", "x-gw-route", "admin"), "200", `"Host":"hook.`},
	} {
		group.Go(func() {
			status, body, err := g.askHTTP2(c.fields)
			if err != nil || status != c.status || !strings.Contains(body, c.of) || strings.Contains(body, "admin") {
				t.Errorf("%s: %s %s %v", name, status, body, err)
			}
		})
	}
}

// goldKey is the API key of startKeysAndHook.
const goldKey = "gold-key-0123456789-gold"

// startKeysAndHook starts a gateway with an API that asks for keys, and one whose webhook
// answers with what it was told.
func startKeysAndHook(t *testing.T) *running {
	t.Helper()
	s := snapshotOf(
		gateway.API{ID: "keys", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, withKeys, echoBackend(t, "one").URL)}}},
		gateway.API{ID: "hook", Protocol: gateway.REST, Stages: []gateway.Stage{{
			Name: "v1", Variables: map[string]string{"fn": newHook(t).URL}, Deployment: deploy(t, gateway.REST, strings.Replace(hookAPI, "EXTRA", "", 1), ""),
		}}},
	)
	s.APIKeys = []gateway.APIKey{{Name: "gold", Values: []gateway.Secret{goldKey}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "all", Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}}, Keys: []string{"gold"}}}
	return start(t, s)
}

// askHTTP2 sends header fields as they are, names and values in turn, and reads the answer;
// the status is "" when there is none.
func (g *running) askHTTP2(fields []string) (status, body string, err error) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for pair := range slices.Chunk(fields, 2) {
		if err := encoder.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]}); err != nil {
			return "", "", err
		}
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
	if err != nil {
		return "", "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", "", err
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return "", "", err
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := errors.Join(framer.WriteSettings(), framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
	})); err != nil {
		return "", "", err
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			// A connection that is reset was closed while our frames were on their way.
			if status == "" && (errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset by peer")) {
				return "", "", nil
			}
			return status, body, fmt.Errorf("amid an answer: %w", err)
		}
		ended := false
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			status, ended = f.PseudoValue("status"), f.StreamEnded()
		case *http2.DataFrame:
			body, ended = body+string(f.Data()), f.StreamEnded()
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return status, body, nil
		}
		if ended {
			return status, body, nil
		}
	}
}
