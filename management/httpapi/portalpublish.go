package httpapi

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Copies of a portal, below its key. They stay as they are when the portal, or what is in
// it, is edited.
const (
	publishedCopy = "/published"
	previewCopy   = "/preview"
)

// PortalCopyKeys are the keys of what is served of the portal that has a key.
func PortalCopyKeys(key string) []string { return []string{key + publishedCopy, key + previewCopy} }

// PortalSite is where portals are served.
type PortalSite struct {
	// URL is what their addresses begin with, without a slash at its end; empty where it is
	// not known.
	URL string
	// Off tells that nobody serves them.
	Off bool
}

// PublishedPortal is a portal with all that is shown on it.
type PublishedPortal struct {
	// Name is the first segment of its paths where it is served, URL where visitors find it.
	Name     string             `json:"name"`
	URL      string             `json:"url"`
	Content  PortalContent      `json:"content"`
	Products []PublishedProduct `json:"products"`
	// Servers are where stages are called, by API/STAGE.
	Servers map[string]string `json:"servers,omitempty"`
}

// PublishedProduct is a product with its pages, in the order that they are shown in.
type PublishedProduct struct {
	DisplayName string             `json:"displayName"`
	Description string             `json:"description,omitempty"`
	Pages       []ProductPage      `json:"pages,omitempty"`
	Sections    []PublishedSection `json:"sections,omitempty"`
}

// PublishedSection are the operations below a heading, or, without a name, those below none.
type PublishedSection struct {
	Name      string                    `json:"name,omitempty"`
	Endpoints []ProductRestEndpointPage `json:"endpoints"`
}

// PortalPreview says where a portal can be looked at before it is published.
type PortalPreview struct {
	PreviewStatus string `json:"previewStatus,omitempty"` // PREVIEW_READY
	PreviewURL    string `json:"previewUrl,omitempty"`
}

// portals is where portals are served now.
func (o *Options) portals() PortalSite {
	if o.Portals == nil {
		return PortalSite{Off: true}
	}
	return o.Portals()
}

// portalURL is where visitors find a portal: at the root of its own domain, as on Amazon,
// or below the address of all.
func (s *Service) portalURL(p *Portal) (string, error) {
	at := s.portals()
	switch own := p.EndpointConfiguration.ACMManaged; {
	case at.Off:
		return "", restjson.BadRequest("Gatehouse serves no portals here: give --portal-address, see docs/portal.md")
	case own != nil:
		return s.address().URL("http", strings.ToLower(own.DomainName)), nil
	case at.URL == "":
		return "", restjson.BadRequest("The address of portals is not known here: give --portal-url, see docs/portal.md")
	}
	return at.URL + "/" + p.PortalID, nil
}

func (s *Service) publishPortal(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "description")
	if err != nil {
		return nil, err
	}
	var asked struct {
		Description string `json:"description"`
	}
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	p.length("description", asked.Description, 0, 1024)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (map[string]any, error) {
		portal, err := portalOf(tx, c)
		if err != nil {
			return nil, err
		}
		url, err := s.portalURL(portal)
		if err != nil {
			return nil, err
		}
		portal.PublishStatus, portal.LastPublished, portal.LastPublishedDescription = portalPublished, s.timestamp(), asked.Description
		// What it was looked at for is done.
		portal.Preview = nil
		tx.Delete(portalKey(c) + previewCopy)
		return map[string]any{}, s.showPortal(ctx, tx, c, portal, publishedCopy, portal.PortalID, url)
	})
}

// previewPortal shows a portal at an address that nobody guesses.
func (s *Service) previewPortal(ctx context.Context, c *restjson.Call) (any, error) {
	return update(ctx, s, func(tx store.Tx) (map[string]any, error) {
		portal, err := portalOf(tx, c)
		if err != nil {
			return nil, err
		}
		// Its own domain leads to what is published only.
		shared := *portal
		shared.EndpointConfiguration = &PortalEndpoint{None: &struct{}{}}
		shared.PortalID += "-" + restjson.NewID(26)
		url, err := s.portalURL(&shared)
		if err != nil {
			return nil, err
		}
		portal.Preview = &PortalPreview{PreviewStatus: "PREVIEW_READY", PreviewURL: url + "/"}
		return map[string]any{}, s.showPortal(ctx, tx, c, portal, previewCopy, shared.PortalID, url)
	})
}

// showPortal writes a portal, and a copy of it that is served.
func (s *Service) showPortal(ctx context.Context, tx store.Tx, c *restjson.Call, portal *Portal, copied, name, url string) error {
	shown := &PublishedPortal{Name: name, URL: url, Content: *portal.PortalContent, Servers: map[string]string{}}
	for _, arn := range portal.IncludedPortalProductARNs {
		product, err := s.publishedProduct(tx, c, productOfARN(c, arn), shown.Servers)
		if err != nil {
			return err
		}
		shown.Products = append(shown.Products, *product)
	}
	if !slices.ContainsFunc(shown.Products, func(p PublishedProduct) bool { return len(p.Pages)+len(p.Sections) > 0 }) {
		return restjson.BadRequest("The portal has no product with a page: there is nothing to show")
	}
	if err := store.WriteDocument(tx, portalKey(c), portal); err != nil {
		return err
	}
	if err := store.WriteDocument(tx, portalKey(c)+copied, shown); err != nil {
		return err
	}
	return s.checkServed(ctx, tx, portalKey(c))
}

// publishedProduct reads a product with its pages as they are now. Those that its order
// leaves out come last.
func (s *Service) publishedProduct(r store.Reader, c *restjson.Call, id string, servers map[string]string) (*PublishedProduct, error) {
	key := c.Region + "/portalproducts/" + id
	product, err := get[PortalProduct](r, key, restjson.BadRequest("Invalid portal product specified in includedPortalProductArns: %s", id))
	if err != nil {
		return nil, err
	}
	pages, err := store.ReadDocuments[ProductPage](r, key+productPagesFolder)
	if err != nil {
		return nil, err
	}
	endpoints, err := store.ReadDocuments[ProductRestEndpointPage](r, key+endpointPagesFolder)
	if err != nil {
		return nil, err
	}
	order := product.DisplayOrder
	if order == nil {
		order = &DisplayOrder{}
	}
	shown := &PublishedProduct{DisplayName: product.DisplayName, Description: product.Description, Pages: pages}
	first := append([]string{order.OverviewPageARN}, order.ProductPageARNs...)
	slices.SortStableFunc(shown.Pages, func(a, b ProductPage) int {
		return cmp.Compare(placeOf(first, a.ProductPageARN), placeOf(first, b.ProductPageARN))
	})
	for _, page := range endpoints {
		at := page.RestEndpointIdentifier.IdentifierParts
		if err := checkOperation(r, c.Region, at); err != nil {
			return nil, err
		}
		servers[at.RestAPIID+"/"+at.Stage] = s.invokeURL(at)
	}
	for _, section := range append(slices.Clone(order.Contents), DisplaySection{}) {
		listed := PublishedSection{Name: section.SectionName}
		for _, arn := range section.ProductRestEndpointPageARNs {
			listed.take(&endpoints, func(p ProductRestEndpointPage) bool { return p.ProductRestEndpointPageARN == arn })
		}
		if section.SectionName == "" {
			listed.take(&endpoints, func(ProductRestEndpointPage) bool { return true })
		}
		if len(listed.Endpoints) > 0 {
			shown.Sections = append(shown.Sections, listed)
		}
	}
	return shown, nil
}

// take moves pages into a section.
func (s *PublishedSection) take(from *[]ProductRestEndpointPage, wanted func(ProductRestEndpointPage) bool) {
	for _, page := range *from {
		if wanted(page) {
			s.Endpoints = append(s.Endpoints, page)
		}
	}
	*from = slices.DeleteFunc(*from, wanted)
}

// placeOf is where something stands in a list, or behind its end.
func placeOf(list []string, name string) int {
	if at := slices.Index(list, name); at >= 0 {
		return at
	}
	return len(list)
}

func (s *Service) disablePortal(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		portal, err := portalOf(tx, c)
		if err != nil {
			return err
		}
		if portal.PublishStatus == portalDisabled {
			return restjson.Conflict("The portal '%s' is not published", portal.PortalID)
		}
		portal.PublishStatus = portalDisabled
		tx.Delete(portalKey(c) + publishedCopy)
		return store.WriteDocument(tx, portalKey(c), portal)
	})
}
