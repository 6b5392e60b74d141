package source_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

func endpointPage(id, stage, method, path, tryIt string, overrides *httpapi.DisplayContentOverrides) httpapi.ProductRestEndpointPage {
	page := httpapi.ProductRestEndpointPage{ProductRestEndpointPageID: id, TryItState: tryIt, RestEndpointIdentifier: &httpapi.RestEndpointIdentifier{
		IdentifierParts: &httpapi.IdentifierParts{RestAPIID: "a1b2c3d4e5", Stage: stage, Method: method, Path: path},
	}}
	if overrides != nil {
		page.DisplayContent = &httpapi.EndpointDisplayContent{Overrides: overrides}
	}
	return page
}

// TestPortalsAreServed holds what a published portal becomes, and that a preview is beside it.
func TestPortalsAreServed(t *testing.T) {
	s := store.NewMemory()
	documents := accountDocuments()
	key := httpapi.PortalKeyOf(region, "x9y8z7w6v5")
	copies := httpapi.PortalCopyKeys(key)
	content := httpapi.PortalContent{DisplayName: "For ${HOME}", Description: "Read on.", Theme: &httpapi.PortalTheme{CustomColors: &httpapi.CustomColors{
		AccentColor: "#FFF", BackgroundColor: "#000", ErrorValidationColor: "#f00", HeaderColor: "#111", NavigationColor: "#222", TextColor: "#333",
	}}}
	servers := map[string]string{"a1b2c3d4e5/prod": "https://a1b2c3d4e5.execute-api.localhost/prod", "a1b2c3d4e5/gone": "https://a1b2c3d4e5.execute-api.localhost/gone"}
	documents[key] = httpapi.Portal{PortalID: "x9y8z7w6v5", PublishStatus: "PUBLISHED"}
	documents[copies[0]] = httpapi.PublishedPortal{
		Name: "x9y8z7w6v5", URL: "https://a1b2c3d4e5.execute-api.localhost/x9y8z7w6v5", Content: content, Servers: servers,
		Products: []httpapi.PublishedProduct{
			{DisplayName: "Reading", Description: "All of it.", Pages: []httpapi.ProductPage{{ProductPageID: "page123456", DisplayContent: &httpapi.DisplayContent{Title: "Begin", Body: "# $$5"}}},
				Sections: []httpapi.PublishedSection{{Name: "One", Endpoints: []httpapi.ProductRestEndpointPage{
					endpointPage("e1", "prod", "GET", "/{id}", "DISABLED", &httpapi.DisplayContentOverrides{OperationName: "Look", Body: "*Well*.", Endpoint: "https://pets.example.com/v1/{id}"}),
				}}}},
			{DisplayName: "Writing", Sections: []httpapi.PublishedSection{{Endpoints: []httpapi.ProductRestEndpointPage{
				endpointPage("e2", "prod", "GET", "/{id}", "ENABLED", nil), endpointPage("e3", "prod", "PUT", "/gone", "ENABLED", nil), endpointPage("e4", "gone", "GET", "/", "ENABLED", nil),
			}}}},
		},
	}
	documents[copies[1]] = httpapi.PublishedPortal{
		Name: "x9y8z7w6v5-secret", URL: "https://a1b2c3d4e5.execute-api.localhost/x9y8z7w6v5-secret", Content: content,
		Products: []httpapi.PublishedProduct{{DisplayName: "Reading", Pages: []httpapi.ProductPage{{ProductPageID: "page123456", DisplayContent: &httpapi.DisplayContent{Title: "Begin", Body: "Anew."}}}}},
	}
	put(t, s, documents)
	r := source.NewRenderer()
	portals := load(t, render(t, r, s, nil)).Portals
	if len(portals) != 2 || portals[0].Name != "x9y8z7w6v5-secret" || portals[0].Pages[0].Body != "Anew." {
		t.Fatalf("the portals are %+v", portals)
	}
	routes := func(pattern string) gateway.PortalRoutes { return gateway.PortalRoutes{Pattern: pattern} }
	want := gateway.Portal{
		Name: "x9y8z7w6v5", Title: "For ${HOME}", Description: "Read on.", URL: "https://a1b2c3d4e5.execute-api.localhost/x9y8z7w6v5",
		Groups: []gateway.PortalGroup{{Title: "Reading", Description: "All of it."}, {Title: "Writing"}},
		Pages:  []gateway.PortalPage{{Name: "page123456", Title: "Begin", Group: "Reading", Body: "# $$5"}},
		Colors: &gateway.PortalColors{Accent: "#fff", Background: "#000", Error: "#f00", Header: "#111", Navigation: "#222", Text: "#333"},
		// What the stage does not have, and a stage that is gone, do not keep the rest from being served.
		APIs: []gateway.PortalAPI{{API: "a1b2c3d4e5", Stage: "prod", Group: "Reading", Server: servers["a1b2c3d4e5/prod"], Shown: []gateway.PortalOperations{
			{PortalRoutes: routes("GET /{id}"), Title: "Look", Description: "*Well*.", Group: "Reading: One", Server: "https://pets.example.com/v1", ReadOnly: true},
			{PortalRoutes: routes("GET /{id}"), Group: "Writing"},
		}}},
	}
	if diff := cmp.Diff(want, portals[1], cmpopts.IgnoreTypes(gateway.Position{})); diff != "" {
		t.Error(diff)
	}
	// What is edited is not what is served; what is disabled goes.
	put(t, s, map[string]any{key: httpapi.Portal{PortalID: "x9y8z7w6v5", RumAppMonitorName: "x"}})
	before := r.Units()[key]
	render(t, r, s, []string{key})
	if r.Units()[key] != before {
		t.Error("a portal was rendered anew that was published as before")
	}
	if err := s.Update(t.Context(), func(tx store.Tx) error { tx.Delete(copies[0]); tx.Delete(copies[1]); return nil }); err != nil {
		t.Fatal(err)
	}
	if portals := load(t, render(t, r, s, copies)).Portals; len(portals) != 0 {
		t.Errorf("the portals are %+v", portals)
	}
}
