package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
)

// TestSourceNetwork asks by two listeners, of which one is the door of a VPC: a resource
// policy, and the stage's log, know by which a request came, by the path form too, whatever
// a client says.
func TestSourceNetwork(t *testing.T) {
	backend := echoBackend(t, "one")
	const private = `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/GET/pets","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/POST/*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/DELETE/*","Condition":{"NotIpAddress":{"aws:VpcSourceIp":"127.0.0.0/8"}}}]}`
	s := snapshotOf(gateway.API{ID: "inner", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "v1", Deployment: deploy(t, gateway.REST, strings.ReplaceAll(withPolicy, "POLICY", private), backend.URL)},
	}})
	public, vpc := proctest.FreePort(t), proctest.FreePort(t)
	s.Gateways[0].Listeners = []gateway.Listener{
		{Address: "127.0.0.1", Port: uint32(public)},
		{Address: "127.0.0.1", Port: uint32(vpc), SourceVPC: "vpc-1", SourceVPCE: "vpce-1"},
	}
	s.Gateways[0].Telemetry = true
	s.APIs[0].Stages[0].AccessLog = &gateway.StageAccessLog{Format: jsonFormat("requestId", "identity.vpcId", "identity.vpceId"), Destination: gateway.DestinationStdout}
	byPublic := startOn(t, s, public)
	byVPCE := *byPublic
	byVPCE.port = vpc
	for _, c := range []struct {
		method, path   string
		public, inside int
	}{
		{"GET", "/pets", 403, 200},
		{"POST", "/pets/1", 200, 403},
		{"DELETE", "/pets/1", 403, 200},
	} {
		for _, at := range []struct {
			by     *running
			claims string
			want   int
		}{{byPublic, "1", c.public}, {&byVPCE, "9", c.inside}} {
			for host, base := range map[string]string{"inner.execute-api.localhost": "/v1", "localhost": "/_aws/execute-api/inner/v1"} {
				// What a client says about itself is nothing.
				r := at.by.request(c.method, host, base+c.path, "", "x-gw-source-vpc", "vpc-"+at.claims, "x-gw-source-vpce", "vpce-"+at.claims)
				if r.StatusCode != at.want {
					t.Errorf("%s %s at %s by port %d: %d %s, want %d", c.method, c.path, host, at.by.port, r.StatusCode, r.body, at.want)
				}
				if r.StatusCode != 200 {
					continue
				}
				for name := range r.echo(t).Headers {
					if strings.HasPrefix(name, "x-gw-") {
						t.Errorf("%s %s at %s: the backend sees %s", c.method, c.path, host, name)
					}
				}
			}
		}
	}
	from := map[string]int{}
	for _, line := range linesOf(t, byPublic.told.String, 12) {
		var told map[string]string
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatal(line, err)
		}
		from[told["identity.vpcId"]+" "+told["identity.vpceId"]]++
	}
	if diff := cmp.Diff(map[string]int{"- -": 6, "vpc-1 vpce-1": 6}, from); diff != "" {
		t.Error(diff)
	}
}
