package restapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// failingStore takes no changes.
type failingStore struct {
	*store.Memory
	err error
}

func (s failingStore) Update(context.Context, func(store.Tx) error) error { return s.err }

// TestStoreErrors holds that an import which the store does not take says what to do.
func TestStoreErrors(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		kind   string
	}{
		{store.ErrConflict, 409, "ConflictException"},
		{store.ErrTooLarge, 400, "BadRequestException"},
		{store.ErrUnavailable, 503, "ServiceUnavailableException"},
	} {
		service := restapi.NewService(restapi.Options{
			Store: failingStore{store.NewMemory(), c.err}, Log: slog.New(slog.DiscardHandler), Documents: openapi.Documents{},
		})
		for target, method := range map[string]string{
			"/restapis?mode=import": http.MethodPost, "/restapis/a1b2c3d4e5": http.MethodPut, "/restapis/a1b2c3d4e5/documentation/parts": http.MethodPut,
		} {
			r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(pets))
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r.WithContext(restjson.WithCaller(r.Context(), restjson.Caller{Region: "eu-west-1"})))
			if w.Code != c.status || w.Header().Get("X-Amzn-Errortype") != c.kind {
				t.Errorf("%s %s: %v is told as %d %s", method, target, c.err, w.Code, w.Header().Get("X-Amzn-Errortype"))
			}
		}
	}
}
