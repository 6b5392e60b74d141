package restapi

import (
	"context"
	"net/http"
	"regexp"
	"slices"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) vpcLinkOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetVpcLinks", Method: http.MethodGet, Path: "/vpclinks", Status: http.StatusOK, Do: s.getVPCLinks},
		{Name: "CreateVpcLink", Method: http.MethodPost, Path: "/vpclinks", Status: http.StatusAccepted, Do: s.createVPCLink},
		{Name: "GetVpcLink", Method: http.MethodGet, Path: "/vpclinks/{vpclink_id}", Status: http.StatusOK, Do: s.getVPCLink},
		{Name: "UpdateVpcLink", Method: http.MethodPatch, Path: "/vpclinks/{vpclink_id}", Status: http.StatusOK, Do: s.updateVPCLink},
		{Name: "DeleteVpcLink", Method: http.MethodDelete, Path: "/vpclinks/{vpclink_id}", Status: http.StatusAccepted, Do: s.deleteVPCLink},
	}
}

// VPCLinksFolder is where the VPC links of a region are.
func VPCLinksFolder(region string) string { return region + "/vpclinks/" }

var errNoVPCLink = restjson.NotFound("Invalid Vpc Link identifier specified")

var loadBalancerARN = regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/net/[A-Za-z0-9-]{1,32}/[0-9a-f]+$`)

func (s *Service) createVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	var in VPCLink
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	var p problems
	p.require("name", in.Name)
	p.tags(in.Tags)
	if len(in.TargetARNs) != 1 {
		p.add("A VPC link has one target; %d are given", len(in.TargetARNs))
	}
	for _, arn := range in.TargetARNs {
		if !loadBalancerARN.MatchString(arn) {
			p.add("Invalid ARN. ARN is not well formed %s", shortened(arn))
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*VPCLink, error) {
		// There is nothing to wait for: it leads to what the definitions have.
		l := &VPCLink{
			ID: restjson.NewID(6), Name: in.Name, Description: in.Description, TargetARNs: in.TargetARNs,
			Status: "AVAILABLE", StatusMessage: "Your vpc link is ready for use", Tags: in.Tags,
		}
		return l, store.WriteDocument(tx, VPCLinksFolder(c.Region)+l.ID, l)
	})
}

func readVPCLink(r store.Reader, c *restjson.Call) (*VPCLink, error) {
	id := c.Params["vpclink_id"]
	if !isSegment(id) {
		return nil, errNoVPCLink
	}
	l, err := readRecord[VPCLink](r, VPCLinksFolder(c.Region)+id, errNoVPCLink)
	if err == nil && !l.own() {
		return nil, errNoVPCLink
	}
	return l, err
}

// own tells links of this service from those of apigatewayv2, which have no targets and are kept
// beside them.
func (l *VPCLink) own() bool { return len(l.TargetARNs) > 0 }

func (s *Service) getVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*VPCLink, error) { return readVPCLink(r, c) })
}

func (s *Service) getVPCLinks(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[VPCLink], error) {
		links, err := store.ReadDocuments[VPCLink](r, VPCLinksFolder(c.Region))
		if err != nil {
			return page[VPCLink]{}, err
		}
		return pageOf(c, slices.DeleteFunc(links, func(l VPCLink) bool { return !l.own() }))
	})
}

func (s *Service) updateVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*VPCLink, error) {
		l, err := readVPCLink(tx, c)
		if err != nil {
			return nil, err
		}
		err = applyPatch(l, operations, pathsListed, []patchRule[VPCLink]{
			{"/name", opReplace, patchText(func(l *VPCLink) *string { return &l.Name })},
			{"/description", opReplace, patchText(func(l *VPCLink) *string { return &l.Description })},
		})
		if err != nil {
			return nil, err
		}
		if l.Name == "" {
			return nil, restjson.BadRequest("VPC link name must be non-empty")
		}
		return l, store.WriteDocument(tx, VPCLinksFolder(c.Region)+l.ID, l)
	})
}

func (s *Service) deleteVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		l, err := readVPCLink(tx, c)
		if err != nil {
			return err
		}
		if err := VPCLinkIsUnused(tx, c.Region, l.ID); err != nil {
			return err
		}
		tx.Delete(VPCLinksFolder(c.Region) + l.ID)
		return nil
	})
}
