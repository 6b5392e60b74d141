package httpapi

import (
	"context"
	"net/http"
	"strings"

	"gatehouse/management/restapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// vpcLinkVersion tells these links from those of apigateway, which lie in the same folder.
const vpcLinkVersion = "V2"

func (s *Service) vpcLinkOperations() []restjson.Operation {
	const path = "/v2/vpclinks"
	return []restjson.Operation{
		{Name: "GetVpcLinks", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getVPCLinks},
		{Name: "CreateVpcLink", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createVPCLink},
		{Name: "GetVpcLink", Method: http.MethodGet, Path: path + "/{vpcLinkId}", Status: http.StatusOK, Do: s.getVPCLink},
		{Name: "UpdateVpcLink", Method: http.MethodPatch, Path: path + "/{vpcLinkId}", Status: http.StatusOK, Do: s.updateVPCLink},
		{Name: "DeleteVpcLink", Method: http.MethodDelete, Path: path + "/{vpcLinkId}", Status: http.StatusAccepted, Do: s.deleteVPCLink},
	}
}

func vpcLinkKey(c *restjson.Call) string { return c.Region + "/vpclinks/" + c.Params["vpcLinkId"] }

func vpcLink(r store.Reader, c *restjson.Call) (*VPCLink, error) {
	missing := unknownID("VpcLink")
	link, err := get[VPCLink](r, vpcLinkKey(c), missing)
	if err == nil && link.VPCLinkVersion != vpcLinkVersion {
		return nil, missing
	}
	return link, err
}

func (s *Service) getVPCLinks(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[VPCLink], error) {
		return list(r, c, c.Region+"/vpclinks/", func(link *VPCLink) bool { return link.VPCLinkVersion == vpcLinkVersion })
	})
}

func (s *Service) getVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*VPCLink, error) { return vpcLink(r, c) })
}

func (s *Service) createVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "name", "securityGroupIds", "subnetIds", "tags")
	if err != nil {
		return nil, err
	}
	link := VPCLink{
		SecurityGroupIDs: []string{}, Tags: map[string]string{}, CreatedDate: s.timestamp(),
		VPCLinkStatus: "AVAILABLE", VPCLinkStatusMessage: "VPC link is ready to route traffic", VPCLinkVersion: vpcLinkVersion,
	}
	if err := in.into(&link); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "name", "subnetIds")
	if in.has("name") {
		p.length("name", link.Name, 1, 128)
	}
	if in.has("subnetIds") && len(link.SubnetIDs) == 0 {
		p.add("At least one subnet is required to create a VPC link")
	}
	p.tags(link.Tags)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*VPCLink, error) {
		created := link
		created.VPCLinkID = restjson.NewID(shortIDLength)
		return &created, store.WriteDocument(tx, c.Region+"/vpclinks/"+created.VPCLinkID, &created)
	})
}

func (s *Service) updateVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "name")
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*VPCLink, error) {
		link, err := vpcLink(tx, c)
		if err != nil {
			return nil, err
		}
		if err := in.into(link); err != nil {
			return nil, err
		}
		var p problems
		p.length("name", link.Name, 1, 128)
		if err := p.err(); err != nil {
			return nil, err
		}
		return link, store.WriteDocument(tx, vpcLinkKey(c), link)
	})
}

func (s *Service) deleteVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		link, err := vpcLink(tx, c)
		if err != nil {
			return err
		}
		user, err := vpcLinkUser(tx, c.Region, link.VPCLinkID)
		if err != nil {
			return err
		}
		if user != "" {
			return restjson.BadRequest("Cannot delete vpc link. Vpc link '%s', is referenced in [%s]", link.VPCLinkID, user)
		}
		if err := restapi.VPCLinkIsUnused(tx, c.Region, link.VPCLinkID); err != nil {
			return err
		}
		tx.Delete(vpcLinkKey(c))
		return nil
	})
}

// vpcLinkUser gives the API and the integration that use a link as they are edited, or nothing.
func vpcLinkUser(r store.Reader, region, id string) (string, error) {
	entries, err := r.List(region + "/apis/")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		parts := strings.Split(e.Key, "/")
		if len(parts) != 5 || parts[3] != "integrations" {
			continue
		}
		i, err := store.Decode[Integration](e)
		if err != nil {
			return "", err
		}
		if i.ConnectionType == connectionVPCLink && i.ConnectionID == id {
			return parts[2] + ":" + i.IntegrationID, nil
		}
	}
	return "", nil
}
