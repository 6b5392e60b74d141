package browser

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"gatehouse/internal/chromiumtest"
	"gatehouse/internal/proctest"
)

// say sends messages on a connection, each of which is answered.
func say(t *testing.T, c net.Conn, times int, message, want string) {
	t.Helper()
	for range times {
		_ = c.SetDeadline(time.Now().Add(proctest.Patience))
		if err := wsutil.WriteClientText(c, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if got, err := wsutil.ReadServerText(c); err != nil || !strings.Contains(string(got), want) {
			t.Fatalf("%s is answered with %s, %v", message, got, err)
		}
	}
}

// TestConnections opens the pages of a WebSocket API while a client is connected.
func TestConnections(t *testing.T) {
	s := serve(t)
	b := chromiumtest.Start(t)
	light := chromiumtest.Views[0]
	c, _, _, err := ws.Dialer{Timeout: proctest.Patience}.Dial(t.Context(), strings.Replace(s.gateway, "http://", "ws://", 1)+"/_aws/execute-api/clock/v1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say(t, c, 7, `{"action": "time"}`, `{"time": "`)
	say(t, c, 2, "what?", "Forbidden")

	b.Open(s.dashboard+"apis/clock/v1", light)
	b.Until(`document.querySelector('[data-value=received]').textContent === '9' && document.querySelector('[data-value=sent]').textContent === '9'`)
	for value, want := range map[string]string{"connects": "1", "open": "1 open now", "client-errors": "2", "integration-errors": "0", "execution-errors": "0"} {
		if got := b.Text(`[data-value="` + value + `"]`); got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
	const charted = `[...document.querySelectorAll('.chart title')].map(t => t.textContent.match(/: (\d+) received, (\d+) sent/)).filter(m => m).map(m => Number(m[1])).reduce((a, b) => a + b)`
	if got := chromiumtest.Ask[int](b, charted); got != 9 {
		t.Errorf("the chart has %d messages received", got)
	}
	// While somebody looks on.
	say(t, c, 1, `{"action": "time"}`, `{"time": "`)
	b.Until(`document.querySelector('[data-value=received]').textContent === '10'`)

	b.Open(s.dashboard+"requests?api=clock", light)
	b.Until(`document.querySelectorAll('tbody tr').length === 11`)
	say(t, c, 1, `{"action": "time"}`, `{"time": "`)
	b.Until(`document.querySelectorAll('tbody tr').length === 12 && document.querySelector('tbody th').innerText.includes('MESSAGE')`)
	b.Open(s.dashboard+"requests?api=clock&status=403", light)
	b.Follow(`a[href^="/dashboard/requests/"]`)
	b.Until(`document.querySelector('.steps')?.innerText.includes('no route has the key')`)
	b.Follow(`a[href*="connection="]`)
	b.Until(`document.querySelectorAll('tbody tr').length === 12`)
	b.Quiet("events")

	for name, path := range map[string]string{"connections": "apis/clock/v1", "connections-route": "apis/clock/v1?method=&resource=time", "connections-api": "apis/clock"} {
		for _, v := range chromiumtest.Views {
			page := name + "-" + v.Name
			b.Open(s.dashboard+path, v)
			b.Usable(page)
			b.Fits(page)
			b.Picture(page)
			b.Quiet(page)
		}
	}
}
