package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// portalIDLength is the least that Amazon's service model allows.
const portalIDLength = 10

var productMembers = []string{"description", "displayName", "displayOrder", "tags"}

func (s *Service) portalProductOperations() []restjson.Operation {
	const path = "/v2/portalproducts"
	const one = path + "/{portalProductId}"
	return []restjson.Operation{
		{Name: "ListPortalProducts", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.listPortalProducts},
		{Name: "CreatePortalProduct", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createPortalProduct},
		{Name: "GetPortalProduct", Method: http.MethodGet, Path: one, Status: http.StatusOK, Do: s.getPortalProduct},
		{Name: "UpdatePortalProduct", Method: http.MethodPatch, Path: one, Status: http.StatusOK, Do: s.updatePortalProduct},
		{Name: "DeletePortalProduct", Method: http.MethodDelete, Path: one, Status: http.StatusNoContent, Do: s.deletePortalProduct},
		{Name: "PutPortalProductSharingPolicy", Method: http.MethodPut, Path: one + "/sharingpolicy", Status: http.StatusOK, Do: s.putSharingPolicy},
		{Name: "GetPortalProductSharingPolicy", Method: http.MethodGet, Path: one + "/sharingpolicy", Status: http.StatusOK, Do: s.getSharingPolicy},
		{Name: "DeletePortalProductSharingPolicy", Method: http.MethodDelete, Path: one + "/sharingpolicy", Status: http.StatusNoContent, Do: s.deleteSharingPolicy},
	}
}

func productKey(c *restjson.Call) string {
	return c.Region + "/portalproducts/" + c.Params["portalProductId"]
}

// portalARN names a portal, a product or a page of one, as the path of its key does.
func portalARN(c *restjson.Call, path string) string {
	return "arn:aws:apigateway:" + c.Region + ":" + c.AccountID + ":/" + path
}

// portalProduct reads the product that a call is about. There are those of one account only.
func portalProduct(r store.Reader, c *restjson.Call) (*PortalProduct, error) {
	missing := unknownID("PortalProduct")
	if owner := c.Query.Get("resourceOwnerAccountId"); !isName(c.Params["portalProductId"]) || owner != "" && owner != c.AccountID {
		return nil, missing
	}
	return get[PortalProduct](r, productKey(c), missing)
}

// portalProductSummary is a product as lists have it.
func portalProductSummary(p *PortalProduct) PortalProduct {
	summary := *p
	summary.DisplayOrder = nil
	return summary
}

func (s *Service) listPortalProducts(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[PortalProduct], error) {
		// Nobody else has products here that they could share.
		own := c.Query.Get("resourceOwner") != "OTHER_ACCOUNTS"
		kept, err := list(r, c, c.Region+"/portalproducts/", func(*PortalProduct) bool { return own })
		return shown(kept, portalProductSummary), err
	})
}

func (s *Service) getPortalProduct(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*PortalProduct, error) { return portalProduct(r, c) })
}

func (s *Service) createPortalProduct(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, without(productMembers, "displayOrder")...)
	if err != nil {
		return nil, err
	}
	asked := PortalProduct{Tags: map[string]string{}}
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "displayName")
	checkProduct(&p, in, &asked)
	p.tags(asked.Tags)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*PortalProduct, error) {
		created := asked
		created.PortalProductID, created.LastModified = restjson.NewID(portalIDLength), s.timestamp()
		created.PortalProductARN = portalARN(c, "portalproducts/"+created.PortalProductID)
		return &created, store.WriteDocument(tx, c.Region+"/portalproducts/"+created.PortalProductID, &created)
	})
}

func (s *Service) updatePortalProduct(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, without(productMembers, "tags")...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*PortalProduct, error) {
		product, err := portalProduct(tx, c)
		if err != nil {
			return nil, err
		}
		if err := in.into(product); err != nil {
			return nil, err
		}
		var p problems
		checkProduct(&p, in, product)
		if err := checkDisplayOrder(tx, &p, productKey(c), product.DisplayOrder); err != nil {
			return nil, err
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		product.LastModified = s.timestamp()
		return product, store.WriteDocument(tx, productKey(c), product)
	})
}

func (s *Service) deletePortalProduct(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		product, err := portalProduct(tx, c)
		if err != nil {
			return err
		}
		portals, err := store.ReadDocuments[Portal](tx, c.Region+"/portals/")
		if err != nil {
			return err
		}
		for _, portal := range portals {
			if slices.Contains(portal.IncludedPortalProductARNs, product.PortalProductARN) {
				return restjson.BadRequest("Cannot delete portal product '%s', is referenced in portal: %s", product.PortalProductID, portal.PortalID)
			}
		}
		tx.Delete(productKey(c))
		tx.DeleteAll(productKey(c) + "/")
		return nil
	})
}

func checkProduct(p *problems, in input, product *PortalProduct) {
	if in.has("displayName") {
		p.length("displayName", product.DisplayName, 1, 255)
	}
	p.length("description", product.Description, 0, 1024)
}

// checkDisplayOrder checks that an order names pages that the product has, each once.
func checkDisplayOrder(r store.Reader, p *problems, key string, order *DisplayOrder) error {
	if order == nil {
		return nil
	}
	pages, err := store.ReadDocuments[ProductPage](r, key+productPagesFolder)
	if err != nil {
		return err
	}
	endpoints, err := store.ReadDocuments[ProductRestEndpointPage](r, key+endpointPagesFolder)
	if err != nil {
		return err
	}
	known, taken := map[string]string{}, map[string]bool{}
	for _, page := range pages {
		known[page.ProductPageARN] = "product page"
	}
	for _, page := range endpoints {
		known[page.ProductRestEndpointPageARN] = "product REST endpoint page"
	}
	named := func(kind, arn string) {
		switch {
		case known[arn] != kind:
			p.add("Invalid displayOrder: the product has no %s %s", kind, shorten(arn))
		case taken[arn]:
			p.add("Invalid displayOrder: %s is there twice", shorten(arn))
		}
		taken[arn] = true
	}
	if order.OverviewPageARN != "" {
		named("product page", order.OverviewPageARN)
	}
	for _, arn := range order.ProductPageARNs {
		named("product page", arn)
	}
	for _, section := range order.Contents {
		if section.SectionName == "" {
			p.constraint("null", "displayOrder.contents.sectionName", "Member must not be null")
		}
		for _, arn := range section.ProductRestEndpointPageARNs {
			named("product REST endpoint page", arn)
		}
	}
	return nil
}

// withoutPage takes a page that goes out of a product's order.
func (o *DisplayOrder) withoutPage(arn string) {
	gone := func(other string) bool { return other == arn }
	if o.OverviewPageARN == arn {
		o.OverviewPageARN = ""
	}
	o.ProductPageARNs = slices.DeleteFunc(o.ProductPageARNs, gone)
	for i := range o.Contents {
		o.Contents[i].ProductRestEndpointPageARNs = slices.DeleteFunc(o.Contents[i].ProductRestEndpointPageARNs, gone)
	}
}

// productOfARN gives the id of the product that an ARN of the caller's own names, or nothing.
func productOfARN(c *restjson.Call, arn string) string {
	id, ok := strings.CutPrefix(arn, portalARN(c, "portalproducts/"))
	if !ok || !isName(id) {
		return ""
	}
	return id
}
