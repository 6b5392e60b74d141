package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/internal/chromiumtest"
)

// hostileWords is what somebody might write into a document to get at those who read it.
// ELSEWHERE is another site.
const hostileWords = `<script>window.hacked='script'</script><img src="x" onerror="window.hacked='onerror'"><svg onload="window.hacked='onload'"></svg>

[a link](javascript:window.hacked='link') <a href="javascript:window.hacked='href'" target="_top">another</a> [data](data:text/html,<script>window.hacked='data'</script>)

<iframe src="ELSEWHERE/frame"></iframe><object data="ELSEWHERE/object"></object><form action="ELSEWHERE/form"><input name="key"><button>Sign in again</button></form>
<style>body{display:none}</style><link rel="stylesheet" href="ELSEWHERE/style"><base href="ELSEWHERE/"><meta http-equiv="refresh" content="0;url=ELSEWHERE/meta">

![a picture](ELSEWHERE/picture) <img src="ELSEWHERE/image"> <div style="position:fixed;inset:0;z-index:9999;background:url(ELSEWHERE/cover)">cover</div> <b>The end.</b>`

// TestHostilePortal holds that what is written into a document runs no script, loads nothing,
// and leads nowhere that it does not say; and that nothing in a page's address does.
func TestHostilePortal(t *testing.T) {
	var asked atomic.Pointer[string]
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.Method + " " + r.URL.String()
		asked.CompareAndSwap(nil, &at)
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"openapi": "3.0.3", "info": {"title": "not ours", "version": "1"}, "paths": {"/not-ours": {"get": {"responses": {}}}}}`)
	}))
	s, _, portal, _ := servePortal(t)
	b := chromiumtest.Start(t)
	light := chromiumtest.Views[0]
	t.Cleanup(elsewhere.Close)

	words := strings.ReplaceAll(hostileWords, "ELSEWHERE", elsewhere.URL)
	quoted, _ := json.Marshal(words)
	link, _ := json.Marshal("javascript:window.hacked='docs'")
	tag, _ := json.Marshal("<img src=x onerror=window.hacked='tag'>")
	for old, hostile := range map[string]string{
		"      description: Pets that somebody has taken home are not among them.\n": fmt.Sprintf("      description: %s\n      externalDocs: {url: %s, description: %s}\n", quoted, link, quoted),
		"description: Only those of a kind., schema: {type: string}":                 fmt.Sprintf("description: %s, schema: {type: string, default: %s, description: %s}", quoted, quoted, quoted),
		"description: The pets., content: {":                                         fmt.Sprintf(`description: %s, content: {"text/html": {example: %s}, `, quoted, quoted),
		"tags: [Pets]\n      summary: All pets":                                      fmt.Sprintf("tags: [%s]\n      summary: %s", tag, tag),
		"  - {name: Pets, description":                                               fmt.Sprintf("  - {name: %s, description: %s, externalDocs: {url: %s}}\n  - {name: Pets, description", tag, quoted, link),
		"name: {type: string, example: Tom}":                                         fmt.Sprintf("name: {type: string, example: %s, description: %s, title: %s}", quoted, quoted, tag),
	} {
		s.change("pets.openapi.yaml", old, hostile)
	}
	document := func() string {
		answer, err := http.Get(portal + "/apis/pets/v1/openapi.json")
		if err != nil {
			return err.Error()
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return string(text)
	}
	s.run.Until("the words to be published", func() bool { return strings.Contains(document(), "The end.") && strings.Contains(document(), "'docs'") }, document)

	query := "?url=" + elsewhere.URL + "/document&configUrl=" + elsewhere.URL + "/config&urls.primaryName=x&layout=StandaloneLayout&oauth2RedirectUrl=javascript:window.hacked='query'#/javascript:window.hacked='hash'"
	opened := `document.querySelector('#viewer .opblock-body')?.innerText.includes('The end.')`
	for _, address := range []string{portal + "/apis/pets/v1", portal + "/apis/pets/v1" + query} {
		b.Open("about:blank", light)
		b.Open(address, light)
		b.Until(`document.querySelectorAll('#viewer .opblock').length === 3`)
		b.Click("#viewer .opblock-get .opblock-summary-control")
		b.Until(opened)
		b.Click("#viewer .opblock-get .try-out__btn")
		const links = `[...document.querySelectorAll('#viewer a')]`
		if got := chromiumtest.Ask[[]string](b, links+`.map(a => a.href).filter(h => h !== '' && !h.startsWith('http') && !h.startsWith('about:blank'))`); len(got) > 0 {
			t.Errorf("there are links to %q", got)
		}
		if got := chromiumtest.Ask[[]string](b, `[...document.querySelectorAll('script, iframe, object, embed, form, base, #viewer style, #viewer link, meta[http-equiv], [onerror], [onload], #viewer [style*=fixed]')].filter(e => !e.src?.startsWith(location.origin + '/developers/assets/') && !e.closest('.auth-container')).map(e => e.outerHTML)`); len(got) > 0 {
			t.Errorf("the page has %q", got)
		}
		// All of them are clicked, as somebody might.
		_ = chromiumtest.Ask[bool](b, `(() => { `+links+`.forEach(a => { a.target = '_self'; if (!a.href.startsWith('http') && a.href !== 'about:blank') a.click(); }); return true; })()`)
		for _, at := range []string{"light", "dark"} {
			b.Look(map[string]chromiumtest.View{"light": light, "dark": chromiumtest.Views[1]}[at])
			b.Picture("portal-hostile-" + at)
		}
		if got := chromiumtest.Ask[string](b, `String(window.hacked)`); got != "undefined" {
			t.Errorf("a script has run: %s", got)
		}
		if !chromiumtest.Ask[bool](b, `getComputedStyle(document.body).display !== 'none' && location.origin + location.pathname === '`+portal+`/apis/pets/v1'`) {
			t.Error("the page is hidden, or another one")
		}
		if got := b.Text("#viewer"); strings.Contains(got, "not ours") || strings.Contains(got, "/not-ours") {
			t.Errorf("the page's address has another document shown: %s", got)
		}
	}
	b.Forget() // what the policy has kept from being loaded is told there
	if at := asked.Load(); at != nil {
		t.Errorf("another site was asked: %s", *at)
	}
}
