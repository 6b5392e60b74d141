package translator_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/translator"
)

// TestGatewaysThatCountShared holds that a gateway counts as in need of a rate limit
// service when an API of its own does, and not for what others serve. A plan's limits are
// nobody's need where no route asks for a key.
func TestGatewaysThatCountShared(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "gatehouse.yaml")
	for path, content := range map[string]string{"pets.openapi.yaml": oneRoute, "gatehouse.yaml": `
gateways:
  - {name: a, listeners: [{port: 8080}]}
  - {name: b, listeners: [{port: 8081}]}
  - {name: c, listeners: [{port: 8082}]}
apis:
  - {name: pets, gateways: [b], definition: pets.openapi.yaml, backend: "http://127.0.0.1:1", stages: [{name: v1, throttle: {rate: 1, burst: 1, scope: shared}}]}
  - {name: cats, gateways: [a, b], definition: pets.openapi.yaml, backend: "http://127.0.0.1:1", stages: [{name: v1, throttle: {rate: 1, burst: 1}}]}
  - {name: dogs, gateways: [c], definition: pets.openapi.yaml, backend: "http://127.0.0.1:1", stages: [{name: v1}]}
apiKeys: [{name: acme, value: acme-key-0123456789-abcd}]
usagePlans: [{name: gold, quota: {limit: 5, period: DAY}, stages: [dogs/v1], keys: [acme]}]
`} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, g := range mustTranslate(t, translator.New(), load(t, file)).CountShared {
		names = append(names, g.Name)
	}
	if got := strings.Join(names, " "); got != "b" {
		t.Errorf("%s, want b", got)
	}
}
