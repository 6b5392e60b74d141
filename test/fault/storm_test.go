package fault

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// TestReloadStorm changes everything that can be changed, five times a second,
// while clients ask for what all the versions have in common.
func TestReloadStorm(t *testing.T) {
	one, two := backendNamed(t, "one"), backendNamed(t, "two")
	s := newSite(t, one)
	s.SecurePort = proctest.FreePort(t)
	extraPort := proctest.FreePort(t)
	ca := newAuthority(t)
	ca.issue(t, s.dir)
	g := startRun(t, s)

	goroutines := g.metric("go_goroutines", "")

	both := []string{"one", "two"}
	clients := load(t,
		target{port: s.Port, host: "localhost", path: "/_aws/execute-api/petstore/v1/pets", answers: both},
		target{port: s.Port, host: "petstore.execute-api.localhost", path: "/v1/named", answers: both},
		target{port: s.Port, host: "api.example.com", path: "/shop/pets", answers: both},
		target{port: s.SecurePort, host: "api.example.com", path: "/shop/named", tls: ca.trust("api.example.com"), answers: both},
	)

	other := map[string]string{one: two, two: one}
	const changes, pace = 100, 200 * time.Millisecond
	var serial int64
	begin := time.Now()
	for i := range changes {
		switch i % 5 {
		case 0:
			s.Routes = append(s.Routes, fmt.Sprintf("/more/%d/{id}", i))
			s.Routes = s.Routes[max(0, len(s.Routes)-3):]
		case 1:
			s.Endpoint = other[s.Endpoint]
		case 2:
			s.Variable = other[s.Variable]
		case 3:
			serial = ca.issue(t, s.dir)
		case 4:
			domain := fmt.Sprintf("tenant-%d.example.com", i)
			s.Domains = append(s.Domains, domain)
			s.Domains = s.Domains[max(0, len(s.Domains)-3):]
			s.Certificates[domain] = i%2 == 0
			s.ExtraPort = extraPort - s.ExtraPort
		}
		if i%2 == 0 {
			s.write(t)
		} else {
			s.replace(t)
		}
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * pace)))
	}
	g.acked()
	clients.goesOn()
	clients.end()

	// It was a storm, though a busy machine takes several changes together, and the last of it is in force.
	if n := g.metric("gatehouse_xds_revisions_total", `result="ok"`); n < changes/4 {
		t.Errorf("only %v revisions were sent for %d changes", n, changes)
	}
	if n := g.metric("gatehouse_xds_nacks_total", ""); n > 0 {
		t.Errorf("%v refusals", n)
	}
	if n := g.metric("go_goroutines", ""); n > goroutines+10 {
		t.Errorf("%v goroutines, %v before", n, goroutines)
	}
	awaitAnswer(t, s.url("/pets"), map[string]string{one: "one", two: "two"}[s.Variable])
	awaitAnswer(t, s.url("/named"), map[string]string{one: "one", two: "two"}[s.Endpoint])
	if got, err := ca.shown(s.SecurePort); err != nil || got != serial {
		t.Errorf("certificate %d is shown, want %d: %v", got, serial, err)
	}
	t.Logf("%v revisions; connections of clients that keep them: %v", g.metric("gatehouse_xds_revisions_total", ""), clients.connections())
}
