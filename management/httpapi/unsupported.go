package httpapi

import (
	"strings"

	"gatehouse/management/restjson"
)

// unsupportedOperations are those that Gatehouse has no counterpart of.
func unsupportedOperations() []restjson.Operation {
	var operations []restjson.Operation
	add := func(what, lines string) {
		for line := range strings.Lines(lines) {
			fields := strings.Fields(line)
			operations = append(operations, restjson.Operation{
				Name: fields[0], Method: fields[1], Path: fields[2], Unsupported: what,
			})
		}
	}
	add("it has no portals for developers", `ListPortalProducts GET /v2/portalproducts
CreatePortalProduct POST /v2/portalproducts
DeletePortalProduct DELETE /v2/portalproducts/{portalProductId}
GetPortalProduct GET /v2/portalproducts/{portalProductId}
UpdatePortalProduct PATCH /v2/portalproducts/{portalProductId}
ListProductPages GET /v2/portalproducts/{portalProductId}/productpages
CreateProductPage POST /v2/portalproducts/{portalProductId}/productpages
DeleteProductPage DELETE /v2/portalproducts/{portalProductId}/productpages/{productPageId}
GetProductPage GET /v2/portalproducts/{portalProductId}/productpages/{productPageId}
UpdateProductPage PATCH /v2/portalproducts/{portalProductId}/productpages/{productPageId}
ListProductRestEndpointPages GET /v2/portalproducts/{portalProductId}/productrestendpointpages
CreateProductRestEndpointPage POST /v2/portalproducts/{portalProductId}/productrestendpointpages
DeleteProductRestEndpointPage DELETE /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}
GetProductRestEndpointPage GET /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}
UpdateProductRestEndpointPage PATCH /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId}
DeletePortalProductSharingPolicy DELETE /v2/portalproducts/{portalProductId}/sharingpolicy
GetPortalProductSharingPolicy GET /v2/portalproducts/{portalProductId}/sharingpolicy
PutPortalProductSharingPolicy PUT /v2/portalproducts/{portalProductId}/sharingpolicy
ListPortals GET /v2/portals
CreatePortal POST /v2/portals
DeletePortal DELETE /v2/portals/{portalId}
GetPortal GET /v2/portals/{portalId}
UpdatePortal PATCH /v2/portals/{portalId}
PreviewPortal POST /v2/portals/{portalId}/preview
DisablePortal DELETE /v2/portals/{portalId}/publish
PublishPortal POST /v2/portals/{portalId}/publish`)
	return operations
}
