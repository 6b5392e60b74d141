package archive_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/telemetry/archive"
	"gatehouse/telemetry/history"
)

func TestNewRefuses(t *testing.T) {
	for address, want := range map[string]string{
		"":                               "scheme",
		"prometheus:9090":                "scheme",
		"ftp://me:secret@prometheus":     "scheme",
		"http://":                        "no host",
		"http://prometheus/?x=1":         "path",
		"http://me:secret@prometheus/#x": "path",
		"http://me:sec\x7fret@pro":       "not a URL",
		"http://me:sec%zzret@pro":        "not a URL",
	} {
		if _, err := archive.New(address); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// ask asks a server that answers in some way for an hour.
func ask(t *testing.T, of history.Of, answer http.HandlerFunc) ([]history.Point, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	source, err := archive.New(strings.Replace(server.URL, "http://", "http://me:secret@", 1) + "/prometheus/")
	if err != nil {
		t.Fatal(err)
	}
	to := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	return source.Series(t.Context(), of, to.Add(-time.Hour), to, time.Minute)
}

// TestServersThatDoNotAnswerWell holds that no error has a password or a question in it,
// that passwords go nowhere else, and that no answer is too long.
func TestServersThatDoNotAnswerWell(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("elsewhere is asked %s with %v", r.URL, r.Header)
	}))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a mistake": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"status":"error","errorType":"bad_data","error":"wrong%s"}`, strings.Repeat("!", 5000))
		}, "bad_data: wrong!"},
		"no JSON": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "bad_response"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "bad_response"},
		"refused": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, "401"},
		"a vector": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
		}, "vector"},
		"for ever": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(spaces{}, 16<<20))
		}, "too long"},
		"cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, history.Of{}, func(w http.ResponseWriter, r *http.Request) {
				if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" || r.URL.Path != "/prometheus/api/v1/query_range" {
					t.Errorf("asked by %s:%s: %s", user, password, r.URL)
				}
				c.answer(w, r)
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "increase") || len(err.Error()) > 500 {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestHostileNames holds that a name ends no string of a question.
func TestHostileNames(t *testing.T) {
	asked := make(chan string, 100)
	_, err := ask(t, history.Of{API: "a\"} or {__name__=~\".+", Stage: "b\\\n\xff"}, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.FormValue("query")
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
	})
	if err != nil {
		t.Fatal(err)
	}
	close(asked)
	for question := range asked {
		if !strings.Contains(question, `="a\"} or {__name__=~\".+",stage="b\\\n`+"\ufffd"+`"`) {
			t.Errorf("asked: %s", question)
		}
	}
}

func TestTooManyPoints(t *testing.T) {
	source, err := archive.New("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if _, err := source.Series(t.Context(), history.Of{}, now.AddDate(-1, 0, 0), now, 0); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Error(err)
	}
	if _, err := source.Series(t.Context(), history.Of{}, now.Add(-time.Hour), now, time.Minute); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:1: ") {
		t.Error(err)
	}
	if points, err := source.Series(t.Context(), history.Of{}, now, now.AddDate(-1, 0, 0), 0); len(points) != 0 || err != nil {
		t.Error(points, err)
	}
}
