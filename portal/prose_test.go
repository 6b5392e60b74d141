package portal

import (
	"strings"
	"testing"

	"gatehouse/management/store"
)

// TestProse holds that pages have what was meant, and neither HTML nor anything that a
// browser would load or run.
func TestProse(t *testing.T) {
	for written, want := range map[string]string{
		"# Start\n\nSome *text*.":                               "<h2>Start</h2>\n<p>Some <em>text</em>.</p>\n",
		"### A\n##### B\n## C\n### D":                           "<h2>A</h2>\n<h3>B</h3>\n<h2>C</h2>\n<h3>D</h3>\n",
		"    code <pre>":                                        "<pre tabindex=\"0\"><code>code &lt;pre&gt;\n</code></pre>\n",
		"[docs](https://example.com/a?b=1&c)":                   `<p><a href="https://example.com/a?b=1&amp;c">docs</a></p>` + "\n",
		"[mail](mailto:ada@example.com) [up](#top)":             `<p><a href="mailto:ada@example.com">mail</a> up</p>` + "\n",
		"[*x*](javascript:alert(1))":                            "<p><em>x</em></p>\n",
		"[x](data:text/html,x) [y](/account/keys)":              "<p>x y</p>\n",
		"[x](\tJAVASCRIPT:alert(1))":                            "<p>x</p>\n",
		"<https://example.com> <ftp://example.com/x&y>":         `<p><a href="https://example.com">https://example.com</a> ftp://example.com/x&amp;y</p>` + "\n",
		"![logo](https://example.com/logo.png)":                 `<p><a href="https://example.com/logo.png">logo</a></p>` + "\n",
		"[![logo](https://a.example/l.png)](https://b.example)": `<p><a href="https://b.example">logo</a></p>` + "\n",
		"![logo](logo.png)":                                     "<p>logo</p>\n",
		"![a ![b](x.png)](https://example.com/a.png)":           `<p><a href="https://example.com/a.png">a b</a></p>` + "\n",
		"| a |\n|---|\n| `<b>` |":                               "<div class=\"wide\" tabindex=\"0\"><table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><code>&lt;b&gt;</code></td>\n</tr>\n</tbody>\n</table></div>\n",
	} {
		got, err := prose(written)
		if err != nil || string(got) != want {
			t.Errorf("%q:\n got %q %v\nwant %q", written, got, err, want)
		}
	}
	for _, hostile := range []string{
		"<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<style>body{}</style>\n\n<iframe src=x>", "&lt;script&gt;alert(1)",
		"[x](https://example.com \"\\\"onmouseover=alert(1)\")", "[a]: javascript:alert(1)\n\n[a]", "``` \"><script>\nx\n```",
	} {
		got, err := prose(hostile)
		lower := strings.ToLower(string(got))
		for _, sign := range []string{"<script", "<img", "<style", "<iframe", `"onmouseover`, "href=\"javascript"} {
			if err != nil || strings.Contains(lower, sign) {
				t.Errorf("%q: %q %v", hostile, got, err)
			}
		}
	}
}

// TestReadable holds that what is written on a colour can be read: black or white has a
// contrast of at least 4.5 on any.
func TestReadable(t *testing.T) {
	for color, want := range map[string]string{"#fff": "#000", "#000": "#fff", "#1d4ed8": "#fff", "#8ab4ff": "#000", "#777777": "#000", "#f00": "#000", "#00f": "#fff"} {
		if got := readable(color); got != want {
			t.Errorf("on %s one reads %s, want %s", color, got, want)
		}
	}
}

const shownDefinitions = `
gateways: [{name: edge, listeners: [{port: 8080}]}]
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}]
portals:
  - name: developers
    title: Pets
    url: https://api.example.com/developers
    colors: {accent: "#1d4ed8", header: "#000000", background: "#fff"}
    groups: [{title: Pets, description: "All & more."}, {title: Reading}]
    pages:
      - {name: start, title: Start & go, group: Reading, body: "# First\n\n<script>alert(1)</script>See [us](https://example.com)."}
    apis:
      - stage: pets/v1
        group: Pets
        server: https://api.example.com/pets
        show:
          - {route: GET /pets, title: Look at them, description: "*All* of them.", group: Looking, server: "https://pets.example.com", tryIt: false}
          - {route: "DELETE /pets/{id}", group: Cleaning}
`

// TestShown holds that a portal has the operations that it names, with its own words, its
// pages and its colours.
func TestShown(t *testing.T) {
	b := serve(t, nil, shownDefinitions).browser()
	document := b.want(200, "/apis/pets/v1/openapi.json", nil)
	for _, said := range []string{
		`"summary":"Look at them"`, `"description":"*All* of them."`, `"tags":["Looking"]`, `"servers":[{"url":"https://pets.example.com"}]`,
		`"x-gatehouse-try-it":false`, `"tags":[{"name":"Looking"},{"name":"Cleaning"}]`,
	} {
		if !strings.Contains(document, said) {
			t.Errorf("the document lacks %s: %s", said, document)
		}
	}
	for _, not := range []string{"health", "All pets", "the-secret-team"} {
		if strings.Contains(document, not) {
			t.Errorf("the document has %s: %s", not, document)
		}
	}
	answer, _ := b.ask("/apis/pets/v1", nil)
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "connect-src 'self' https://pets.example.com;") {
		t.Error(policy)
	}
	first := b.want(200, "/", nil)
	for _, said := range []string{"<h2>Pets</h2>\n<p>All &amp; more.</p>", `<a href="/developers/pages/start">Start &amp; go</a>`, `<h3><a href="/developers/apis/pets/v1">pets</a></h3>`, "2 operations", "/developers/assets/theme.css"} {
		if !strings.Contains(first, said) {
			t.Errorf("the first page lacks %s: %s", said, first)
		}
	}
	if pets, reading := strings.Index(first, "<h2>Pets</h2>"), strings.Index(first, "<h2>Reading</h2>"); pets < 0 || reading < pets {
		t.Errorf("the groups are not in their order: %s", first)
	}
	page := b.want(200, "/pages/start", nil)
	if !strings.Contains(page, "<h1>Start &amp; go</h1>") || !strings.Contains(page, "<h2>First</h2>") || strings.Contains(page, "<script>") {
		t.Error(page)
	}
	b.want(404, "/pages/other", nil)
	style, text := b.ask("/assets/theme.css", nil)
	if style.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(text, "--accent: #1d4ed8;\n  --on-accent: #fff;") || !strings.Contains(text, ".top { background: #000000; }") {
		t.Error(style.Header, text)
	}
	plain := serve(t, store.NewMemory(), noSignIn).browser()
	plain.want(404, "/assets/theme.css", nil)
	if strings.Contains(plain.want(200, "/", nil), "theme.css") {
		t.Error("a portal without colours has a stylesheet with some")
	}
}
