package browser

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"gatehouse/internal/chromiumtest"
)

// TestNothingYet opens pages of a process that has just begun, and others that are not there.
func TestNothingYet(t *testing.T) {
	s := serve(t)
	b := chromiumtest.Start(t)
	phone := chromiumtest.Views[slices.IndexFunc(chromiumtest.Views, func(v chromiumtest.View) bool { return v.Phone })]
	for page, want := range map[string]string{
		"requests": "There is no such request", "requests?path=/" + strings.Repeat("long", 49): "There is no such request", "usage": "Nothing was used",
		"apis/silent/$default": "", "apis/none/of/these": "Not found", "requests/no-such-id": "not among the last ones",
	} {
		b.Open(s.dashboard+page, phone)
		if got := b.Text("main"); !strings.Contains(got, want) || strings.Contains(got, "NaN") || strings.Contains(got, "<nil>") {
			t.Errorf("%s says %q", page, got)
		}
		b.Usable(page)
		b.Fits(page)
	}
}

// TestDashboard opens every page as it is after some traffic, in the dark, in the light and
// on a phone, and follows what changes while somebody looks.
func TestDashboard(t *testing.T) {
	s := serve(t)
	b := chromiumtest.Start(t)
	light := chromiumtest.Views[0]

	// 72 calls: 41 to v1, 12 to v2, 19 to orders.
	s.call(30, "/v1/pets", "", 200)
	s.call(6, "/v1/pets/999", "", 404)
	s.call(5, "/v1/none", "", 403)
	s.call(12, "/v2/pets", "", 200)
	s.call(13, "/orders/pets", "acme-example-key-0001", 200)
	s.call(2, "/orders/pets", "no-such-key", 403)
	s.call(3, "/orders/pets", "trial-example-key-0001", 200)
	s.call(1, "/orders/pets", "trial-example-key-0001", 429)

	b.Open(s.dashboard, light)
	b.Until(`document.querySelector('[data-value=calls]').textContent === '72'`)
	for value, want := range map[string]string{"4xx": "14", "5xx": "0"} {
		if got := b.Text(`[data-value="` + value + `"]`); got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
	if got := b.Text(".tiles"); !strings.Contains(got, "14 1 throttled") {
		t.Errorf("the summary is %s", got)
	}
	for key, want := range map[string]string{"petstore": "53", "petstore/v1": "41", "petstore/v2": "12", "orders": "19", "silent": "0"} {
		if got := b.Text(`[data-key="` + key + `"] [data-label=Calls]`); got != want {
			t.Errorf("%s has %s calls, want %s", key, got, want)
		}
	}
	if got := b.Text(`[data-key="petstore/v1"]`); !strings.Contains(got, " ms") {
		t.Errorf("v1 has no latency: %s", got)
	}
	// What the columns of the chart are said to be adds up, too.
	const charted = `[...document.querySelectorAll('.chart title')].map(t => t.textContent.match(/: (\d+) calls, (\d+) 4xx, (\d+) 5xx/).slice(1).map(Number)).reduce((a, b) => a.map((n, i) => n + b[i]))`
	if got := chromiumtest.Ask[[]int](b, charted); fmt.Sprint(got) != "[72 14 0]" {
		t.Errorf("the chart has %v", got)
	}
	// Without loading anything again, and with the focus where it is.
	b.Press(kb.Tab)
	if at := chromiumtest.Ask[string](b, `document.activeElement.className`); at != "skip" {
		t.Errorf("the first that the keyboard reaches is %q", at)
	}
	b.Press(kb.Enter)
	if at := chromiumtest.Ask[string](b, `document.activeElement.id`); at != "main" {
		t.Errorf("the link past the navigation leads to %q", at)
	}
	_ = chromiumtest.Ask[bool](b, `(() => { window.stays = document.querySelector('[data-key="orders"] a'); window.stays.focus(); return true; })()`)
	s.call(4, "/orders/pets", "acme-example-key-0001", 200)
	b.Until(`document.querySelector('[data-value=calls]').textContent === '76'`)
	if !chromiumtest.Ask[bool](b, `document.activeElement === window.stays && window.stays.isConnected`) {
		t.Error("what is new takes the focus away")
	}
	// What is paused stays as it is, and goes on when it is asked to.
	_ = chromiumtest.Ask[bool](b, `(() => { document.querySelector('[data-pause]').focus(); return true; })()`)
	b.Press(" ")
	b.Until(`document.querySelector('[data-live-state]').textContent === 'Paused'`)
	s.call(1, "/orders/pets", "acme-example-key-0001", 200)
	b.Press(" ")
	b.Until(`document.querySelector('[data-value=calls]').textContent === '77'`)

	b.Open(s.dashboard+"?q=ORDERS", light)
	if got := chromiumtest.Ask[int](b, `document.querySelectorAll('tbody tr').length`); got != 1 {
		t.Errorf("%d rows have the name that was looked for", got)
	}
	b.Open(s.dashboard+"apis/petstore/v1/routes", light)
	if got := b.Text("tbody"); !strings.Contains(got, "GET /pets listPets") || !strings.Contains(got, "petstore.openapi.yaml:") {
		t.Errorf("the routes are %s", got)
	}
	b.Open(s.dashboard+"plans/trial", light)
	if got := b.Text("tbody"); !strings.HasPrefix(got, "umbrella") || !strings.HasSuffix(got, "3 0") {
		t.Errorf("what keys have left is %s", got)
	}
	b.Open(s.dashboard+"usage", light)
	if got := b.Text(`[data-value=calls]`); got == "0" {
		t.Error("nothing was used in this month")
	}
	if aws, own := b.Text(`[data-value=cost-aws]`), b.Text(`[data-value=cost-own]`); !strings.HasPrefix(aws, "0.000") || !strings.HasPrefix(own, "0.0") || aws == own {
		t.Errorf("the month costs %s and %s", aws, own)
	}
	// A question, and what became of a request that was refused.
	b.Open(s.dashboard+"explain", light)
	_ = chromiumtest.Ask[bool](b, fmt.Sprintf(`(() => { document.querySelector('#url').value = '%s/orders/pets'; return true; })()`, s.gateway))
	b.Click("button.main")
	b.Until(`document.querySelector('.steps')?.innerText.includes('API key')`)
	if got := b.Text("#explained ~ .about"); !strings.Contains(got, "orders · prod · GET /pets") || !strings.Contains(got, "403, answered by the gateway") {
		t.Errorf("a call without a key is explained as %s", got)
	}
	b.Usable("an explanation")
	b.Picture("explained-light")
	b.Open(s.dashboard+"requests?status=429", light)
	if got := b.Text("tbody tr"); !strings.Contains(got, "429") || !strings.Contains(got, "umbrella") {
		t.Errorf("who was refused for a quota is not told: %s", got)
	}
	b.Follow(`a[href^="/dashboard/requests/"]`)
	b.Until(`document.querySelector('.steps')?.innerText.includes('quota')`)
	b.Quiet("the dashboard")

	b.Open(s.dashboard+"revisions", light)
	s.change("gatehouse.yaml", "rate: 500", "rate: 400")
	b.Until(`document.querySelector('[data-live]').innerText.includes('500 → 400') && document.querySelector('[data-live]').innerText.match(/accepted by every Envoy/g).length === 2`)
	s.change("gatehouse.yaml", "stages: [orders/prod]", "stages: [orders/none]")
	b.Until(`document.querySelector('.notice.bad')?.innerText.includes('gatehouse.yaml:')`)
	b.Open(s.dashboard+"requests?api=petstore", light)
	b.Until(`document.querySelector('[data-value=came]')?.textContent === '0'`)
	s.call(130, "/v1/pets", "", 200)
	b.Until(`document.querySelector('[data-value=came]').textContent === '130'`)
	// Of each kind some, for the pictures.
	s.call(2, "/v1/pets/999", "", 404)
	s.call(1, "/orders/pets", "trial-example-key-0001", 429)
	s.call(1, "/v1/none", "", 403)
	s.call(3, "/orders/pets", "acme-example-key-0001", 200)
	s.call(2, "/v2/pets", "", 200)
	s.call(4, "/v1/pets", "", 200)
	b.Open(s.dashboard+"requests", light)
	b.Until(`document.querySelectorAll('a[href^="/dashboard/requests/"]').length > 0`)
	request := chromiumtest.Ask[string](b, `document.querySelector('a[href^="/dashboard/requests/"]').getAttribute('href')`)
	b.Open(s.dashboard+"envoys", light)
	b.Until(`document.querySelector('[data-live]').innerText.includes('up to date')`)

	revision := chromiumtest.Ask[string](b, `document.querySelector('td code').textContent`)
	b.Open(s.dashboard+"revisions", light)
	revision = chromiumtest.Ask[string](b, fmt.Sprintf(`document.querySelector('a[href*=%q]').getAttribute('href')`, revision))
	for name, path := range map[string]string{
		"overview": "", "traffic": "apis/orders/prod", "requests": "requests", "request": strings.TrimPrefix(request, "/dashboard/"), "routes": "apis/petstore/v1/routes", "guards": "apis/orders/prod/routes", "plans": "plans", "plan": "plans/gold", "usage": "usage",
		"revisions": "revisions", "revision": strings.TrimPrefix(revision, "/dashboard/"), "envoys": "envoys", "explain": "explain",
	} {
		for _, v := range chromiumtest.Views {
			page := name + "-" + v.Name
			b.Open(s.dashboard+path, v)
			b.Usable(page)
			b.Fits(page)
			if !chromiumtest.Ask[bool](b, `(r => r.left >= 0 && r.right <= innerWidth + 1)(document.querySelector('.top nav [aria-current]').getBoundingClientRect())`) {
				t.Errorf("%s: which page it is is out of sight", page)
			}
			if covered := chromiumtest.Ask[int](b, `[...document.querySelectorAll('.top-value')].filter(v => v.getBoundingClientRect().bottom > v.parentNode.querySelector('svg').getBoundingClientRect().top + 1).length`); covered > 0 {
				t.Errorf("%s: what charts are measured by covers %d of them", page, covered)
			}
			// Nobody should have to move a table to read it, but the one that has every number.
			if cut := chromiumtest.Ask[int](b, `[...document.querySelectorAll('.scroll')].filter(s => !s.closest('details') && s.scrollWidth > s.clientWidth + 1).length`); v.Phone && cut > 0 {
				t.Errorf("%s: %d tables are wider than the screen", page, cut)
			}
			b.Picture(page)
			b.Quiet(page)
		}
	}
}
