package exampletest

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

// TestSigned calls the authorizers example with botocore, as its signed.py does. (run.sh
// does the same with curl.)
func TestSigned(t *testing.T) {
	pytools.Interpreter(t)
	ports := freePorts(t, 4)
	definitions := copyExample(t, "examples/authorizers",
		"port: 8080", "port: "+ports[0], "port: 8081", "port: "+ports[1], "port: 8443", "port: "+ports[2], ":9101", ":"+ports[3])
	makeCertificates(t, definitions, "-clients")
	makeIssuerKeys(t, definitions)
	proctest.Start(t, exec.Command(backend(t), "-name", "pets", "-addr", "127.0.0.1:"+ports[3]))
	base := "http://localhost:" + ports[0]
	runGatehouse(t, definitions).Await(&http.Client{Timeout: 5 * time.Second}, base+"/keys/health")

	const reader, writer, wrong = "AKIAEXAMPLEREADER001 reader-example-secret", "AKIAEXAMPLEWRITER001 writer-example-secret", "AKIAEXAMPLEREADER001 wrong"
	for _, c := range []struct {
		user string
		args []string
		want string
	}{
		{reader, []string{"GET", base + "/iam/pets?kind=dog"}, `200 [{"id":1,"name":"Rex","kind":"dog"}]`},
		{reader, []string{"POST", base + "/iam/pets", `{"name": "Bello"}`}, `403 {"Message":"User: arn:aws:iam::000000000000:user/reader is not authorized`},
		{writer, []string{"POST", base + "/iam/pets", `{"name": "Grüße"}`}, `201 {"id":4,"name":"Grüße","kind":""}`},
		{wrong, []string{"GET", base + "/iam/pets"}, `403 {"message":"The request signature we calculated does not match`},
	} {
		id, secret, _ := strings.Cut(c.user, " ")
		cmd := pytools.Command(t, []string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret},
			append([]string{filepath.Join(proctest.Root(t), "examples/authorizers/signed.py")}, c.args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), c.want) {
			t.Errorf("%s %v: %v\n%s\nwant %s", id, c.args, err, out, c.want)
		}
	}
}
