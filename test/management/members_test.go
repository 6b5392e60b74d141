package management

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/pytools"
	"gatehouse/management/restjson"
)

// An operation of a service model takes and gives members, which are told by their paths on the
// wire, as restjson.NoEffect.Member has them.
type modelledMembers struct{ Takes, Gives []string }

// serviceMembers asks botocore for the members of a service's operations.
func serviceMembers(t *testing.T, service string) map[string]modelledMembers {
	t.Helper()
	const script = `
import json, sys
import botocore.session
model = botocore.session.get_session().get_service_model(sys.argv[1])
def paths(shape, path, above=()):
    if shape is None or shape.name in above:
        return
    if path:
        yield path
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if not member.serialization.get("location"):
                wire = member.serialization.get("name", name)
                yield from paths(member, path + "." + wire if path else wire, above + (shape.name,))
    elif shape.type_name in ("list", "map"):
        yield from paths(shape.member if shape.type_name == "list" else shape.value, path + ".*", above + (shape.name,))
operations = [model.operation_model(name) for name in model.operation_names]
json.dump({o.name: {"Takes": list(paths(o.input_shape, "")), "Gives": list(paths(o.output_shape, ""))} for o in operations}, sys.stdout)`
	output, err := pytools.Command(t, nil, "-c", script, service).Output()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]modelledMembers
	if err := json.Unmarshal(output, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// membersWithoutEffect is the table of what is kept for nothing, of which each line is to name
// what Amazon's operations give.
func membersWithoutEffect(t *testing.T, service string, members []restjson.NoEffect) string {
	t.Helper()
	model := serviceMembers(t, service)
	var table strings.Builder
	table.WriteString("| Of | Member | For | Why |\n|---|---|---|---|\n")
	for _, m := range members {
		for _, o := range m.Operations {
			if !slices.Contains(model[o].Gives, m.Member) {
				t.Errorf("%s: %s gives no %s", service, o, m.Member)
			}
		}
		scope := m.About
		if len(m.Harmless) > 0 {
			scope = strings.TrimSpace(scope + " other than `" + strings.Join(m.Harmless, "`, `") + "`")
		}
		fmt.Fprintf(&table, "| %s | `%s` | %s | %s |\n", strings.Join(m.Operations, ", "), m.Member, scope, m.Why)
	}
	return table.String()
}

// unknownMembers are those that Amazon's operations take, and ours do not know.
var unknownMembers = map[string]string{
	"jwtConfiguration": "JWT authorizers of REST APIs, whose type is refused",
}

// TestMembersAreKnown: whatever Amazon's operations take, our code has a name for. A member that a
// newer service model brings is to be kept, refused, or noted above: not to be dropped unseen.
func TestMembersAreKnown(t *testing.T) {
	for service, folder := range map[string]string{"apigateway": "restapi", "apigatewayv2": "httpapi"} {
		files, err := filepath.Glob("../../management/" + folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		var code strings.Builder
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				code.Write(text)
			}
		}
		known := map[string]bool{}
		for _, name := range regexp.MustCompile(`[A-Za-z]+`).FindAllString(code.String(), -1) {
			known[name] = true
		}
		unsupported := regexp.MustCompile(`RoutingRule|AccessAssociation`)
		for operation, members := range serviceMembers(t, service) {
			if unsupported.MatchString(operation) {
				continue
			}
			for _, path := range members.Takes {
				first, _, _ := strings.Cut(path, ".")
				if name := path[strings.LastIndex(path, ".")+1:]; name != "*" && !known[name] && unknownMembers[first] == "" {
					t.Errorf("%s: %s takes %s, of which nothing is known here", service, operation, path)
				}
			}
		}
	}
}
