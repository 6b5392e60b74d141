package httpapi

import (
	"context"
	"net/http"
	"time"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Folders of a product's pages, below its key.
const (
	productPagesFolder  = "/productpages/"
	endpointPagesFolder = "/productrestendpointpages/"
)

// maxPageBody is the longest text of a page.
const maxPageBody = 32768

func (s *Service) productPageOperations() []restjson.Operation {
	const path = "/v2/portalproducts/{portalProductId}/productpages"
	const one = path + "/{productPageId}"
	return []restjson.Operation{
		{Name: "ListProductPages", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.listProductPages},
		{Name: "CreateProductPage", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createProductPage},
		{Name: "GetProductPage", Method: http.MethodGet, Path: one, Status: http.StatusOK, Do: s.getProductPage},
		{Name: "UpdateProductPage", Method: http.MethodPatch, Path: one, Status: http.StatusOK, Do: s.updateProductPage},
		{Name: "DeleteProductPage", Method: http.MethodDelete, Path: one, Status: http.StatusNoContent, Do: s.deleteProductPage},
	}
}

// productPart reads a page of the product that a call is about, and the product.
func productPart[T any](r store.Reader, c *restjson.Call, folder, resourceType, param string) (*PortalProduct, *T, error) {
	product, err := portalProduct(r, c)
	if err != nil {
		return nil, nil, err
	}
	if !isName(c.Params[param]) {
		return nil, nil, unknownID(resourceType)
	}
	part, err := get[T](r, productKey(c)+folder+c.Params[param], unknownID(resourceType))
	return product, part, err
}

func productPage(r store.Reader, c *restjson.Call) (*PortalProduct, *ProductPage, error) {
	return productPart[ProductPage](r, c, productPagesFolder, "ProductPage", "productPageId")
}

func productPageKey(c *restjson.Call) string {
	return productKey(c) + productPagesFolder + c.Params["productPageId"]
}

// productPageSummary is a page as lists have it.
type productPageSummary struct {
	LastModified   time.Time `json:"lastModified"`
	PageTitle      string    `json:"pageTitle"`
	ProductPageARN string    `json:"productPageArn"`
	ProductPageID  string    `json:"productPageId"`
}

func (s *Service) listProductPages(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[productPageSummary], error) {
		if _, err := portalProduct(r, c); err != nil {
			return nil, err
		}
		kept, err := list[ProductPage](r, c, productKey(c)+productPagesFolder, nil)
		return shown(kept, func(p *ProductPage) productPageSummary {
			return productPageSummary{p.LastModified, p.DisplayContent.Title, p.ProductPageARN, p.ProductPageID}
		}), err
	})
}

func (s *Service) getProductPage(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*ProductPage, error) {
		_, found, err := productPage(r, c)
		return found, err
	})
}

func (s *Service) createProductPage(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "displayContent")
	if err != nil {
		return nil, err
	}
	var asked ProductPage
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "displayContent")
	checkDisplayContent(&p, asked.DisplayContent)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*ProductPage, error) {
		product, err := portalProduct(tx, c)
		if err != nil {
			return nil, err
		}
		created := asked
		created.ProductPageID, created.LastModified = restjson.NewID(portalIDLength), s.timestamp()
		created.ProductPageARN = product.PortalProductARN + productPagesFolder + created.ProductPageID
		return &created, store.WriteDocument(tx, productKey(c)+productPagesFolder+created.ProductPageID, &created)
	})
}

func (s *Service) updateProductPage(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "displayContent")
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*ProductPage, error) {
		_, found, err := productPage(tx, c)
		if err != nil {
			return nil, err
		}
		if err := in.into(found); err != nil {
			return nil, err
		}
		var p problems
		checkDisplayContent(&p, found.DisplayContent)
		if err := p.err(); err != nil {
			return nil, err
		}
		found.LastModified = s.timestamp()
		return found, store.WriteDocument(tx, productPageKey(c), found)
	})
}

func (s *Service) deleteProductPage(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		product, found, err := productPage(tx, c)
		if err != nil {
			return err
		}
		tx.Delete(productPageKey(c))
		return dropFromOrder(tx, c, product, found.ProductPageARN)
	})
}

// dropFromOrder takes a page that is deleted out of its product's order.
func dropFromOrder(tx store.Tx, c *restjson.Call, product *PortalProduct, arn string) error {
	if product.DisplayOrder == nil {
		return nil
	}
	product.DisplayOrder.withoutPage(arn)
	return store.WriteDocument(tx, productKey(c), product)
}

func checkDisplayContent(p *problems, content *DisplayContent) {
	if content == nil {
		return
	}
	p.length("displayContent.title", content.Title, 1, 255)
	p.length("displayContent.body", content.Body, 1, maxPageBody)
}
