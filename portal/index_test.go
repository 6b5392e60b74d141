package portal

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"gatehouse/gateway"
)

// TestIndex holds what the first page lists of few APIs and of many, and what is found in it.
func TestIndex(t *testing.T) {
	s := &Server{pages: parsePages()}
	site := &site{Portal: gateway.Portal{Title: "Shops", Groups: []gateway.PortalGroup{{Title: "First", Description: "What is first."}, {Title: "Nothing"}}}}
	look := func(query string) string {
		t.Helper()
		w := httptest.NewRecorder()
		if err := s.showAPIs(w, httptest.NewRequest("GET", "/"+query, nil), site); err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(w.Body.String(), "<main")
		if w.Body.Len() > 100<<10 {
			t.Errorf("%q: %d bytes", query, w.Body.Len())
		}
		return strings.Join(strings.Fields(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(body, " ")), " ")
	}
	site.pages = []*page{{PortalPage: gateway.PortalPage{Name: "begin", Title: "To begin", Group: "First"}}}
	add := func(i int, group string) {
		site.apis = append(site.apis, &published{PortalAPI: gateway.PortalAPI{API: fmt.Sprint("api-", i), Stage: "v1", Group: group, Server: "https://api.example.com"}, Title: fmt.Sprintf("Shop %03d.", i)})
	}
	add(0, "First")
	if text := look("?q=none"); strings.Contains(text, "Find") || !strings.Contains(text, "First What is first. To begin Shop 000.") {
		t.Errorf("of one API is listed %s", text)
	}
	for i := range 250 {
		add(i+1, []string{"First", "Then"}[i/200])
	}
	for query, want := range map[string][]string{
		"":                              {"Find", "First What is first. To begin Shop 000.", "Shop 099.", "151 more are not listed here"},
		"?q=SHOP+25":                    {"1 API fits “SHOP 25”. Show all Then Shop 250."},
		"?q=api-24":                     {"11 APIs fit", "Then Shop 240."},
		"?q=begin":                      {"No API fits “begin”", "First What is first. To begin"},
		"?q=%22%3E%3Cb%3E%ff":           {"No API fits “&#34;&gt;&lt;b&gt;”"},
		"?q=" + strings.Repeat("ä", 99): {"No API fits “ää"},
	} {
		text := look(query)
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%q: without %q:\n%s", query, part, text)
			}
		}
		if query != "" && strings.Contains(text, "not listed") || strings.Contains(text, "Nothing") || strings.Contains(text, "Shop 100.") {
			t.Errorf("%q:\n%s", query, text)
		}
	}
}
