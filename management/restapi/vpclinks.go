package restapi

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
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
	return readRecord[VPCLink](r, VPCLinksFolder(c.Region)+id, errNoVPCLink)
}

func (s *Service) getVPCLink(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*VPCLink, error) { return readVPCLink(r, c) })
}

func (s *Service) getVPCLinks(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[VPCLink], error) {
		links, err := store.ReadDocuments[VPCLink](r, VPCLinksFolder(c.Region))
		if err != nil {
			return page[VPCLink]{}, err
		}
		// Those of apigatewayv2, which have no targets, are kept beside them.
		own := links[:0]
		for _, l := range links {
			if len(l.TargetARNs) > 0 {
				own = append(own, l)
			}
		}
		return pageOf(c, own)
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
		user, err := methodWithVPCLink(tx, c.Region, l.ID)
		if err != nil {
			return err
		}
		if user != "" {
			return restjson.BadRequest("Cannot delete vpc link. Vpc link '%s', is referenced in [%s] in format of [Method:Resource:Stage].", l.ID, user)
		}
		tx.Delete(VPCLinksFolder(c.Region) + l.ID)
		return nil
	})
}

// methodWithVPCLink gives a method of a stage that is served by a link, as
// "METHOD:RESOURCE:STAGE", or nothing. Without the link, the API could not be served.
func methodWithVPCLink(r store.Reader, region, id string) (string, error) {
	folder := region + "/restapis/"
	// One listing: clusters compare what a change has read, and not much of it.
	entries, err := r.List(folder)
	if err != nil {
		return "", err
	}
	contents := map[string]store.Entry{} // by API and deployment
	stages := map[string][]*Stage{}
	for _, e := range entries {
		switch parts := strings.Split(strings.TrimPrefix(e.Key, folder), "/"); {
		case len(parts) != 3:
		case parts[1]+"/" == contentsFolder:
			contents[parts[0]+"/"+parts[2]] = e
		case parts[1]+"/" == stagesFolder:
			stage, err := store.Decode[Stage](e)
			if err != nil {
				return "", err
			}
			stages[parts[0]] = append(stages[parts[0]], stage)
		}
	}
	for _, api := range slices.Sorted(maps.Keys(stages)) {
		for _, stage := range stages[api] {
			for _, at := range deploymentsOf(stage) {
				content, there := contents[api+"/"+at.id]
				if !there {
					continue
				}
				if user, err := at.methodWithLink(content, id); err != nil || user != "" {
					return user + ":" + stage.StageName, err
				}
			}
		}
	}
	return "", nil
}

// deploymentAt is a deployment with the variables of where it is.
type deploymentAt struct {
	id        string
	variables map[string]string
}

func deploymentsOf(stage *Stage) []deploymentAt {
	all := []deploymentAt{{stage.DeploymentID, stage.Variables}}
	if canary := stage.CanarySettings; canary != nil {
		variables := map[string]string{}
		maps.Copy(variables, stage.Variables)
		maps.Copy(variables, canary.StageVariableOverrides)
		all = append(all, deploymentAt{canary.DeploymentID, variables})
	}
	return all
}

// methodWithLink gives a method, and its resource, whose integration has a link.
func (d deploymentAt) methodWithLink(content store.Entry, id string) (string, error) {
	c, err := store.Decode[Content](content)
	if err != nil {
		return "", err
	}
	for _, r := range c.Resources {
		for _, name := range slices.Sorted(maps.Keys(r.ResourceMethods)) {
			i := r.ResourceMethods[name].MethodIntegration
			if i == nil || i.ConnectionType != gateway.ConnectionVPCLink {
				continue
			}
			if link, _ := gateway.ResolveStageVariables(i.ConnectionID, d.variables); link == id {
				return name + ":" + r.ID, nil
			}
		}
	}
	return "", nil
}
