package restapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// TestIDsWithSlashesLeadNowhere has ids name documents below others: a stage is not an API.
func TestIDsWithSlashesLeadNowhere(t *testing.T) {
	s := store.NewMemory()
	_ = s.Update(t.Context(), func(tx store.Tx) error {
		tx.Put("/restapis/a", []byte(`{"id":"a","name":"a"}`))
		tx.Put("/restapis/a/stages/prod", []byte(`{"stageName":"prod"}`))
		return nil
	})
	service := restapi.NewService(restapi.Options{Store: s, Log: slog.New(slog.DiscardHandler)})
	for path, want := range map[string]int{
		"/restapis/a": http.StatusOK, "/restapis/a%2Fstages%2Fprod": http.StatusNotFound, "/restapis/a%2F": http.StatusNotFound,
		"/restapis/a/stages/..%2F..%2Fa": http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		service.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}
