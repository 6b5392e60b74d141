package exampletest

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// TestMappingTemplates orders at the shop of the mapping-templates example.
func TestMappingTemplates(t *testing.T) {
	ports := freePorts(t, 1)
	run := runGatehouse(t, copyExample(t, "examples/mapping-templates", "port: 8080", "port: "+ports[0], "127.0.0.1:8080", "127.0.0.1:"+ports[0]))
	client := &http.Client{Timeout: 5 * time.Second}
	run.Await(client, "http://127.0.0.1:"+ports[0]+"/orders")
	order, err := os.ReadFile(filepath.Join(proctest.Root(t), "examples/vtl/order.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		contentType, body string
		status            int
		want              string
	}{
		{"application/json", string(order), 201, `{"id": "o-7", "price": {"amount": 19.5, "currency": "EUR"}}`},
		{"application/json", `{"id": "o-8", "customer": {"name": "Ada \"A\" O'Neil"}}`, 201, `{"id": "o-8", "price": {"amount": 12.5, "currency": "EUR"}}`},
		{"application/json", `{"id": "o-9"}`, 400, `{"error": "no customer"}`},
		{"text/plain", "o-7", 415, `{"message":"Unsupported Media Type"}`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1:"+ports[0]+"/orders", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", c.contentType)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != c.status || strings.TrimSpace(string(text)) != c.want {
			t.Errorf("%s: %d %s %v, want %d %s", c.body, answer.StatusCode, text, err, c.status, c.want)
		}
	}
}
