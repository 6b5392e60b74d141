package definition_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/definition"
)

const (
	chatFile = "routeSelectionExpression: $request.body.action\nroutes:\n  say: {integration: {type: HTTP_PROXY, uri: \"${BACKEND}\"}}\n"
	chatAPI  = `apis:
  - name: chat
    protocol: WEBSOCKET
    definition: chat.yaml
    stages:
      - name: v1
      - {name: v2, definition: chat-2.yaml}
`
)

func loadChat(t *testing.T, files map[string]string, paths ...string) definition.Result {
	t.Helper()
	folder(t, files)
	if paths == nil {
		paths = []string{"."}
	}
	return definition.NewLoader(definition.Options{
		LookupEnv: func(string) (string, bool) { return "http://127.0.0.1:9101", true },
	}).Load(t.Context(), paths)
}

func TestStagesOfAWebSocketAPIPinFiles(t *testing.T) {
	got := loadChat(t, map[string]string{"gatehouse.yaml": chatAPI, "chat.yaml": chatFile, "chat-2.yaml": strings.Replace(chatFile, "say:", "shout:", 1)})
	if got.Snapshot == nil {
		t.Fatal(got.Diagnostics)
	}
	stages := got.Snapshot.API("chat").Stages
	if first, second := stages[0].Deployment.Routes[0], stages[1].Deployment.Routes[0]; first.Path != "say" || second.Path != "shout" ||
		first.Integration.URI != "http://127.0.0.1:9101" {
		t.Errorf("%+v %+v", first, second)
	}
}

func TestMistakesInTheFileOfAWebSocketAPI(t *testing.T) {
	got := loadChat(t, map[string]string{"gatehouse.yaml": chatAPI, "chat.yaml": chatFile + "stages: []\n", "chat-2.yaml": "routes: {}\n"})
	text := fmt.Sprint(got.Diagnostics)
	for _, want := range []string{"chat.yaml:4:1: error unknown-key", `chat-2.yaml:1:1: error missing-key: the document needs the key "routeSelectionExpression"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// TestFilesOfAWebSocketAPIGivenByName holds that a shell's *.yaml is as good as the folder,
// and that a file which no API names is still told of.
func TestFilesOfAWebSocketAPIGivenByName(t *testing.T) {
	files := map[string]string{"gatehouse.yaml": chatAPI, "chat.yaml": chatFile, "chat-2.yaml": chatFile}
	if got := loadChat(t, files, "chat-2.yaml", "chat.yaml", "gatehouse.yaml"); got.Snapshot == nil {
		t.Error(got.Diagnostics)
	}
	if got := lines(loadChat(t, files, "chat.yaml").Diagnostics); !strings.HasPrefix(got, `chat.yaml:1:1: error unknown-key: unknown key "routeSelectionExpression"`) {
		t.Error(got)
	}
}
