package httpapi_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/management/httpapi"
	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

const portalAccount = "arn:aws:apigateway:eu-west-1:000000000000:/"

// newRESTStage keeps a stage of a REST API that has GET /pets.
func (c *client) newRESTStage() {
	c.t.Helper()
	err := c.store.Update(c.t.Context(), func(tx store.Tx) error {
		key := restapi.APIKeyOf("eu-west-1", "a1b2c3d4e5")
		content := restapi.Content{Resources: []restapi.Resource{{Path: "/pets", ResourceMethods: map[string]restapi.Method{"GET": {}}}}}
		return errors.Join(store.WriteDocument(tx, key+"/stages/v1", restapi.Stage{StageName: "v1", DeploymentID: "d"}), store.WriteDocument(tx, key+"/contents/d", content))
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func endpointAt(api, stage, method, path string) document {
	return document{"identifierParts": document{"restApiId": api, "stage": stage, "method": method, "path": path}}
}

func portalBody(more document) document {
	body := document{
		"authorization": document{"none": document{}}, "endpointConfiguration": document{"none": document{}},
		"portalContent": document{"displayName": "Pets", "theme": document{"customColors": document{
			"accentColor": "#fff", "backgroundColor": "#000000", "errorValidationColor": "#f00", "headerColor": "#fff", "navigationColor": "#fff", "textColor": "#ABCDEF",
		}}},
	}
	for name, value := range more {
		body[name] = value
	}
	return body
}

// TestPortalsAreChecked holds what is refused of portals and of what is in them.
func TestPortalsAreChecked(t *testing.T) {
	c := newClient(t)
	c.newRESTStage()
	const null = "Value null at '%s' failed to satisfy constraint: Member must not be null"
	c.badRequest("POST", "/portals", document{}, "3 validation errors detected: "+strings.Join([]string{
		strings.ReplaceAll(null, "%s", "authorization"), strings.ReplaceAll(null, "%s", "endpointConfiguration"), strings.ReplaceAll(null, "%s", "portalContent"),
	}, "; "))
	for _, test := range []struct {
		more    document
		message string
	}{
		{document{"portalContent": document{"displayName": "Pets"}}, "1 validation error detected: " + strings.ReplaceAll(null, "%s", "portalContent.theme.customColors")},
		{document{"authorization": document{}}, "authorization must have one of none and cognitoConfig"},
		{document{"authorization": document{"cognitoConfig": document{"appClientId": "a"}}}, "authorization.cognitoConfig is not supported by Gatehouse: whoever reaches a portal may read it; give none"},
		{document{"endpointConfiguration": document{"acmManaged": document{"domainName": "a b.example", "certificateArn": "certificate"}}},
			"Invalid domain name specified: a b.example; Invalid ARN. ARN is not well formed certificate"},
		{document{"includedPortalProductArns": []string{portalAccount + "portalproducts/nothing123", portalAccount + "portalproducts/a/sharingpolicy", "other"}},
			"Invalid portal product specified in includedPortalProductArns: " + portalAccount + "portalproducts/nothing123; " +
				"Invalid portal product specified in includedPortalProductArns: " + portalAccount + "portalproducts/a/sharingpolicy; Invalid portal product specified in includedPortalProductArns: other"},
	} {
		c.badRequest("POST", "/portals", portalBody(test.more), test.message)
	}
	colored := portalBody(nil)
	colored["portalContent"].(document)["theme"].(document)["customColors"].(document)["textColor"] = "#fff;}body{"
	c.badRequest("POST", "/portals", colored, "Invalid textColor: #fff;}body{ is not a color such as #1d4ed8")

	product := c.create("/portalproducts", "portalProductId", document{"displayName": "Pets"})
	other := c.create("/portalproducts", "portalProductId", document{"displayName": "Others"})
	path, arn := "/portalproducts/"+product, portalAccount+"portalproducts/"+product
	c.badRequest("POST", "/portalproducts", document{"displayName": ""}, "1 validation error detected: Value '' at 'displayName' failed to satisfy constraint: Member must have length greater than or equal to 1")
	c.notFound("GET", path+"?resourceOwnerAccountId=111122223333", nil, "Invalid PortalProduct identifier specified")
	c.notFound("GET", "/portalproducts/"+product+"%2Fproductpages", nil, "Invalid PortalProduct identifier specified")
	page := c.create(path+"/productpages", "productPageArn", document{"displayContent": document{"title": "A", "body": "a"}})
	c.badRequest("POST", path+"/productpages", document{"displayContent": document{"title": "A", "body": ""}}, "1 validation error detected: Value '' at 'displayContent.body' failed to satisfy constraint: Member must have length greater than or equal to 1")
	c.badRequest("PATCH", path, document{"displayOrder": document{"overviewPageArn": page, "productPageArns": []string{page}, "contents": []document{{"sectionName": "a", "productRestEndpointPageArns": []string{page}}}}},
		"Invalid displayOrder: "+page+" is there twice; Invalid displayOrder: the product has no product REST endpoint page "+page)
	c.badRequest("PATCH", "/portalproducts/"+other, document{"displayOrder": document{"overviewPageArn": page}}, "Invalid displayOrder: the product has no product page "+page)
	for _, test := range []struct {
		identifier document
		message    string
	}{
		{endpointAt("a1b2c3d4e5", "v1", "ANY", "/pets"), "Methods ANY have no page: portals of Gatehouse tell of operations by OpenAPI, which has no word for ANY, and OPTIONS is for browsers"},
		{endpointAt("a1b2c3d4e5", "v2", "GET", "/pets"), "Invalid REST endpoint specified: there is no stage v2 of a REST API a1b2c3d4e5"},
		{endpointAt("a1b2c3d4e5", "v1", "GET", "/cats"), "Invalid REST endpoint specified: the stage v1 of the REST API a1b2c3d4e5 has no method GET of /cats"},
		{endpointAt("a1b2c3d4e5/x", "v1", "GET", "/"), "Invalid REST endpoint specified: a1b2c3d4e5/x/v1"},
	} {
		c.badRequest("POST", path+"/productrestendpointpages", document{"restEndpointIdentifier": test.identifier}, test.message)
	}
	c.badRequest("POST", path+"/productrestendpointpages", document{"restEndpointIdentifier": endpointAt("a1b2c3d4e5", "v1", "GET", "/pets"), "tryItState": "MAYBE", "displayContent": document{}},
		"1 validation error detected: Value 'MAYBE' at 'tryItState' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]; displayContent must have one of none and overrides")
	portal := c.create("/portals", "portalId", portalBody(document{"includedPortalProductArns": []string{arn}}))
	c.badRequest("DELETE", path, nil, "Cannot delete portal product '"+product+"', is referenced in portal: "+portal)
	c.call("PATCH", "/portals/"+portal, document{"includedPortalProductArns": []string{}}, http.StatusOK)
	c.call("DELETE", path, nil, http.StatusNoContent)
	for key := range c.everything() {
		if strings.Contains(key, product) {
			t.Errorf("of the deleted product there is still %s", key)
		}
	}
	c.call("DELETE", "/portals/nothing123", nil, http.StatusNoContent)
	c.notFound("PATCH", "/portals/nothing123", document{}, "Invalid Portal identifier specified")
}

// TestPortalsArePublished holds what publishing leaves to be served, and that a portal which
// cannot be served is not published.
func TestPortalsArePublished(t *testing.T) {
	site := httpapi.PortalSite{Off: true}
	c := newClientOf(t, func(o *httpapi.Options) { o.Portals = func() httpapi.PortalSite { return site } })
	c.newRESTStage()
	product := "/portalproducts/" + c.create("/portalproducts", "portalProductId", document{"displayName": "Pets"})
	first := c.create(product+"/productrestendpointpages", "productRestEndpointPageArn", document{"restEndpointIdentifier": endpointAt("a1b2c3d4e5", "v1", "GET", "/pets")})
	id := c.create("/portals", "portalId", portalBody(document{"includedPortalProductArns": []string{portalAccount + product[1:]}}))
	portal := "/portals/" + id
	c.badRequest("POST", portal+"/publish", nil, "Gatehouse serves no portals here: give --portal-address, see docs/portal.md")
	site.Off = false
	c.badRequest("POST", portal+"/publish", nil, "The address of portals is not known here: give --portal-url, see docs/portal.md")
	site.URL = "https://developers.example.com"
	c.has(c.call("GET", portal, nil, http.StatusOK)["endpointConfiguration"].(document), document{"portalDefaultDomainName": "developers.example.com/" + id})
	c.checker.refuse = errors.New("the portal is no good")
	c.badRequest("POST", portal+"/publish", nil, "the portal is no good")
	c.badRequest("POST", portal+"/preview", nil, "the portal is no good")
	c.checker.refuse = nil
	c.call("POST", portal+"/preview", nil, http.StatusAccepted)
	preview := c.call("GET", portal, nil, http.StatusOK)["preview"].(document)
	if address, _ := preview["previewUrl"].(string); len(address) < len(site.URL)+len(portal)+20 || !strings.HasPrefix(address, site.URL+"/"+id+"-") {
		t.Errorf("the preview is %v", preview)
	}
	key := httpapi.PortalKeyOf("eu-west-1", id)
	copies := httpapi.PortalCopyKeys(key)
	if kept := c.everything(); kept[copies[0]] != "" || kept[copies[1]] == "" {
		t.Error("a preview was published")
	}
	c.call("POST", portal+"/publish", document{"description": "one"}, http.StatusAccepted)
	kept := c.everything()
	if kept[copies[0]] == "" || kept[copies[1]] != "" || !strings.Contains(kept[copies[0]], first) || !strings.Contains(kept[copies[0]], `"url":"https://developers.example.com/`+id+`"`) {
		t.Errorf("published is %s, looked at %s", kept[copies[0]], kept[copies[1]])
	}
	if !slices.Contains(c.checker.checked, key) {
		t.Errorf("checked were %v", c.checker.checked)
	}
	c.badRequest("DELETE", portal, nil, "Cannot delete portal '"+id+"', it is published: disable it first")
	c.call("PATCH", portal, document{"endpointConfiguration": document{"acmManaged": document{"domainName": "Pets.example.com", "certificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/c"}}}, http.StatusOK)
	c.call("POST", portal+"/publish", nil, http.StatusAccepted)
	if copied := c.everything()[copies[0]]; !strings.Contains(copied, `"url":"https://pets.example.com"`) {
		t.Errorf("published is %s", copied)
	}
	c.call("DELETE", portal+"/publish", nil, http.StatusNoContent)
	if c.everything()[copies[0]] != "" {
		t.Error("a portal that was disabled is still there")
	}
	c.conflict("DELETE", portal+"/publish", nil, "The portal '"+id+"' is not published")
	c.call("PATCH", portal, document{"includedPortalProductArns": []string{}}, http.StatusOK)
	c.badRequest("POST", portal+"/publish", nil, "The portal has no product with a page: there is nothing to show")
	c.call("DELETE", portal, nil, http.StatusNoContent)
}
