package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
)

// TestConnectionAccounts holds what is told of clients that an authorizer does not let connect,
// of messages that an integration serves or fails, and of a connection's end; nothing is told
// of a route that is off, and no token is.
func TestConnectionAccounts(t *testing.T) {
	backend := newChatBackend(t)
	definition := strings.Replace(chatDefinition, "      http:\n", "      down: {integration: {type: HTTP_PROXY, uri: \"http://127.0.0.1:1/?key=secret-0123\"}}\n      http:\n", 1)
	s := loadText(t, strings.ReplaceAll(definition, "BACKEND", backend.URL))
	for i := range s.APIs {
		s.APIs[i].Stages[0].ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionSteps}, Destination: gateway.DestinationStdout}
	}
	s.Gateways[0].Telemetry = true
	g := start(t, s)
	const host = "chat.execute-api.localhost"
	// next waits for the account that ends with such a line, and gives it.
	read := 0
	next := func(end string) (account []string) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
			line, _, whole := strings.Cut(g.told.String()[read:], "\n")
			if !whole {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			read += len(line) + 1
			var l executionLine
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			if l.LogGroup != "API-Gateway-Execution-Logs_chat/v1" {
				t.Fatalf("it is in the group %s", l.LogGroup)
			}
			_, message, _ := strings.Cut(l.Message, ") ")
			if account = append(account, message); strings.HasPrefix(message, end) {
				return account
			}
		}
		t.Fatalf("no line begins with %q: %q", end, account)
		return nil
	}
	if _, _, r := g.handshake(host, "/v1?token=bad"); r.StatusCode != http.StatusForbidden {
		t.Fatal(r.StatusCode)
	}
	inOrder(t, next("Method completed with status: 403"), "Extended Request Id: ", "WebSocket Request Route: [$connect]", "Client [UserAgent: ", "The client is not authorized to perform this operation.", "Gateway response type: ACCESS_DENIED with status code: 403")
	c, in, r := g.handshake(host, "/v1?token=good", "User-Agent", "test\"/1")
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r.StatusCode)
	}
	inOrder(t, next("Client [Connection Id: "), "Extended Request Id: ", "Starting execution for request: ", "WebSocket Request Route: [$connect]", "Client [UserAgent: test\"/1, SourceIp: 127.0.0.1] is connecting to WebSocket API [chat].", "Received response. Status: 200")
	say(t, c, in, "hello")
	inOrder(t, next("Message from client [Connection Id: "), "Extended Request Id: ", "WebSocket Request Route: [$default]", "WebSocket API [chat] received message from client", "Received response. Status: 200")
	say(t, c, in, `{"action": "down"}`)
	inOrder(t, next("Execution failed: "), "Extended Request Id: ", "WebSocket Request Route: [down]", "Sending request to http://127.0.0.1:1/", "Execution failed due to configuration error: ", "Execution failed: Internal server error (INTEGRATION_FAILURE, 500)")
	c.Close()
	inOrder(t, next("Client [Connection Id: "), "Extended Request Id: ", "WebSocket Request Route: [$disconnect]", "Received response. Status: 200")
	if text := g.told.String(); strings.Contains(text, "token=") || strings.Contains(text, "secret-") {
		t.Errorf("a secret is told:\n%s", text)
	}
}
