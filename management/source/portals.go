package source

import (
	"errors"
	"slices"
	"strings"

	"gatehouse/management/httpapi"
	"gatehouse/management/store"
)

// What Gatehouse's own files say of portals.
type (
	nativePortal struct {
		Name        string              `json:"name"`
		Title       string              `json:"title,omitempty"`
		Description string              `json:"description,omitempty"`
		URL         string              `json:"url"`
		Groups      []nativePortalGroup `json:"groups,omitempty"`
		Pages       []nativePortalPage  `json:"pages,omitempty"`
		APIs        []nativePortalAPI   `json:"apis,omitempty"`
		Colors      map[string]string   `json:"colors,omitempty"`
	}
	nativePortalGroup struct {
		Title       string `json:"title"`
		Description string `json:"description,omitempty"`
	}
	nativePortalPage struct {
		Name  string `json:"name"`
		Title string `json:"title"`
		Group string `json:"group,omitempty"`
		Body  string `json:"body"`
	}
	nativePortalAPI struct {
		Stage  string             `json:"stage"`
		Group  string             `json:"group,omitempty"`
		Server string             `json:"server"`
		Show   []nativePortalShow `json:"show"`
	}
	nativePortalShow struct {
		Route       string `json:"route"`
		Title       string `json:"title,omitempty"`
		Description string `json:"description,omitempty"`
		Group       string `json:"group,omitempty"`
		Server      string `json:"server,omitempty"`
		TryIt       *bool  `json:"tryIt,omitempty"`
	}
)

// portalFiles renders what is served of a portal, by the key of its document: what was
// published, and what is only looked at.
func portalFiles(reader store.Reader, key string) (Files, error) {
	files := newFiles()
	for _, copied := range httpapi.PortalCopyKeys(key) {
		shown, err := get[httpapi.PublishedPortal](reader, copied)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return Files{}, err
		}
		if err := files.addAccount(copied+".json", nativeAccount{Portals: []nativePortal{renderedPortal(&shown)}}); err != nil {
			return Files{}, err
		}
	}
	return files.sorted(), nil
}

// renderedPortal has a group for each product, and an API for each stage. A stage that
// several products have operations of is among those of the first; there, the operations
// stand below the names of their products.
func renderedPortal(shown *httpapi.PublishedPortal) nativePortal {
	out := nativePortal{
		Name: shown.Name, Title: shown.Content.DisplayName, Description: shown.Content.Description, URL: shown.URL,
		Colors: portalColors(&shown.Content),
	}
	products := map[string][]string{}
	for _, p := range shown.Products {
		for stage := range stagesOf(&p) {
			products[stage] = append(products[stage], p.DisplayName)
		}
	}
	at := map[string]int{}
	for i := range shown.Products {
		p := &shown.Products[i]
		if !slices.ContainsFunc(out.Groups, func(g nativePortalGroup) bool { return g.Title == p.DisplayName }) {
			out.Groups = append(out.Groups, nativePortalGroup{p.DisplayName, p.Description})
		}
		for _, page := range p.Pages {
			out.Pages = append(out.Pages, nativePortalPage{page.ProductPageID, page.DisplayContent.Title, p.DisplayName, page.DisplayContent.Body})
		}
		for _, section := range p.Sections {
			for j := range section.Endpoints {
				endpoint := &section.Endpoints[j]
				stage := stageOf(endpoint)
				index, there := at[stage]
				if !there {
					index = len(out.APIs)
					at[stage] = index
					out.APIs = append(out.APIs, nativePortalAPI{Stage: stage, Group: p.DisplayName, Server: shown.Servers[stage]})
				}
				group := section.Name
				if len(products[stage]) > 1 {
					group = strings.TrimSuffix(p.DisplayName+": "+section.Name, ": ")
				}
				out.APIs[index].Show = append(out.APIs[index].Show, shownOperation(endpoint, group))
			}
		}
	}
	return out
}

func stageOf(page *httpapi.ProductRestEndpointPage) string {
	at := page.RestEndpointIdentifier.IdentifierParts
	return at.RestAPIID + "/" + at.Stage
}

func stagesOf(p *httpapi.PublishedProduct) map[string]bool {
	stages := map[string]bool{}
	for _, section := range p.Sections {
		for i := range section.Endpoints {
			stages[stageOf(&section.Endpoints[i])] = true
		}
	}
	return stages
}

func shownOperation(page *httpapi.ProductRestEndpointPage, group string) nativePortalShow {
	at := page.RestEndpointIdentifier.IdentifierParts
	out := nativePortalShow{Route: at.Method + " " + at.Path, Group: group}
	if d := page.DisplayContent; d != nil && d.Overrides != nil {
		out.Title, out.Description = d.Overrides.OperationName, d.Overrides.Body
		// What is overridden is the URL of the operation; paths are the document's own.
		out.Server = strings.TrimSuffix(d.Overrides.Endpoint, at.Path)
	}
	if page.TryItState == "DISABLED" {
		never := false
		out.TryIt = &never
	}
	return out
}

func portalColors(content *httpapi.PortalContent) map[string]string {
	if content.Theme == nil || content.Theme.CustomColors == nil {
		return nil
	}
	c := content.Theme.CustomColors
	return map[string]string{
		"accent": c.AccentColor, "background": c.BackgroundColor, "error": c.ErrorValidationColor,
		"header": c.HeaderColor, "navigation": c.NavigationColor, "text": c.TextColor,
	}
}
