package httpapi

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/management/domain"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// What there is of a portal: Amazon's states between these are over before a call is answered.
const (
	portalPublished = "PUBLISHED"
	portalDisabled  = "DISABLED"
)

var portalMembers = []string{
	"authorization", "endpointConfiguration", "includedPortalProductArns", "logoUri", "portalContent", "rumAppMonitorName", "tags",
}

func (s *Service) portalOperations() []restjson.Operation {
	const path = "/v2/portals"
	const one = path + "/{portalId}"
	return []restjson.Operation{
		{Name: "ListPortals", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.listPortals},
		{Name: "CreatePortal", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createPortal},
		{Name: "GetPortal", Method: http.MethodGet, Path: one, Status: http.StatusOK, Do: s.getPortal},
		{Name: "UpdatePortal", Method: http.MethodPatch, Path: one, Status: http.StatusOK, Do: s.updatePortal},
		{Name: "DeletePortal", Method: http.MethodDelete, Path: one, Status: http.StatusNoContent, Do: s.deletePortal},
		{Name: "PublishPortal", Method: http.MethodPost, Path: one + "/publish", Status: http.StatusAccepted, Do: s.publishPortal},
		{Name: "DisablePortal", Method: http.MethodDelete, Path: one + "/publish", Status: http.StatusNoContent, Do: s.disablePortal},
		{Name: "PreviewPortal", Method: http.MethodPost, Path: one + "/preview", Status: http.StatusAccepted, Do: s.previewPortal},
	}
}

// PortalKeyOf is the key of a portal's document in the store.
func PortalKeyOf(region, id string) string { return region + "/portals/" + id }

func portalKey(c *restjson.Call) string { return PortalKeyOf(c.Region, c.Params["portalId"]) }

func portalOf(r store.Reader, c *restjson.Call) (*Portal, error) {
	if !isName(c.Params["portalId"]) {
		return nil, unknownID("Portal")
	}
	return get[Portal](r, portalKey(c), unknownID("Portal"))
}

// portalAnswer is a portal as callers are shown it. Where it is asked to be, and where it
// is, are two things.
type portalAnswer struct {
	Portal
	EndpointConfiguration portalEndpointAnswer `json:"endpointConfiguration"`
	// LogoURI is told by nothing.
	LogoURI   *string `json:"logoUri,omitempty"`
	PortalARN string  `json:"portalArn"`
}

type portalEndpointAnswer struct {
	CertificateARN           string `json:"certificateArn,omitempty"`
	DomainName               string `json:"domainName,omitempty"`
	PortalDefaultDomainName  string `json:"portalDefaultDomainName"`
	PortalDomainHostedZoneID string `json:"portalDomainHostedZoneId"`
}

func (s *Service) portalAnswer(c *restjson.Call, p *Portal) *portalAnswer {
	_, zone := domain.Target(domain.Edge, c.Region)
	a := &portalAnswer{Portal: *p, PortalARN: portalARN(c, "portals/"+p.PortalID), EndpointConfiguration: portalEndpointAnswer{
		PortalDefaultDomainName: "p-" + p.PortalID + ".apigw-portal." + c.Region + ".on.aws", PortalDomainHostedZoneID: zone,
	}}
	if _, served, ok := strings.Cut(s.portals().URL, "://"); ok {
		a.EndpointConfiguration.PortalDefaultDomainName = served + "/" + p.PortalID
	}
	if own := p.EndpointConfiguration.ACMManaged; own != nil {
		a.EndpointConfiguration.CertificateARN, a.EndpointConfiguration.DomainName = own.CertificateARN, own.DomainName
	}
	return a
}

func (s *Service) listPortals(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[*portalAnswer], error) {
		kept, err := list[Portal](r, c, PortalKeyOf(c.Region, ""), nil)
		return shown(kept, func(p *Portal) *portalAnswer { return s.portalAnswer(c, p) }), err
	})
}

func (s *Service) getPortal(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*portalAnswer, error) {
		p, err := portalOf(r, c)
		if err != nil {
			return nil, err
		}
		return s.portalAnswer(c, p), nil
	})
}

func (s *Service) createPortal(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, portalMembers...)
	if err != nil {
		return nil, err
	}
	asked := Portal{IncludedPortalProductARNs: []string{}, PublishStatus: portalDisabled, Tags: map[string]string{}}
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "authorization", "endpointConfiguration", "portalContent")
	checkPortal(&p, &asked)
	p.tags(asked.Tags)
	return update(ctx, s, func(tx store.Tx) (*portalAnswer, error) {
		p := p
		if err := checkIncluded(tx, c, &p, asked.IncludedPortalProductARNs); err != nil {
			return nil, err
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		created := asked
		created.PortalID = restjson.NewID(portalIDLength)
		s.changedPortal(in, &created)
		return s.portalAnswer(c, &created), store.WriteDocument(tx, PortalKeyOf(c.Region, created.PortalID), &created)
	})
}

func (s *Service) updatePortal(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, without(portalMembers, "tags")...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*portalAnswer, error) {
		portal, err := portalOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := in.into(portal); err != nil {
			return nil, err
		}
		var p problems
		checkPortal(&p, portal)
		if err := checkIncluded(tx, c, &p, portal.IncludedPortalProductARNs); err != nil {
			return nil, err
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		s.changedPortal(in, portal)
		return s.portalAnswer(c, portal), store.WriteDocument(tx, portalKey(c), portal)
	})
}

// changedPortal notes when a portal, and its logo, was changed.
func (s *Service) changedPortal(in input, p *Portal) {
	p.LastModified = s.timestamp()
	if in.has("logoUri") && p.LogoURI != "" {
		p.PortalContent.Theme.LogoLastUploaded = p.LastModified
	}
}

// deletePortal takes a portal away. Amazon's model has no error for one that is not there.
func (s *Service) deletePortal(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		portal, err := portalOf(tx, c)
		if err != nil {
			return ignoreNotFound(err)
		}
		if portal.PublishStatus != portalDisabled {
			return restjson.BadRequest("Cannot delete portal '%s', it is published: disable it first", portal.PortalID)
		}
		tx.Delete(portalKey(c))
		tx.DeleteAll(portalKey(c) + "/")
		return nil
	})
}

func checkPortal(p *problems, portal *Portal) {
	if a := portal.Authorization; a != nil {
		switch {
		case (a.None == nil) == (a.CognitoConfig == nil):
			p.add("authorization must have one of none and cognitoConfig")
		case a.CognitoConfig != nil:
			// Kept without an effect, it would have a portal lie open that is thought closed.
			p.add("authorization.cognitoConfig is not supported by Gatehouse: whoever reaches a portal may read it; give none")
		}
	}
	if e := portal.EndpointConfiguration; e != nil {
		if (e.None == nil) == (e.ACMManaged == nil) {
			p.add("endpointConfiguration must have one of none and acmManaged")
		}
		if own := e.ACMManaged; own != nil {
			p.length("endpointConfiguration.acmManaged.certificateArn", own.CertificateARN, 10, 2048)
			p.length("endpointConfiguration.acmManaged.domainName", own.DomainName, 3, 256)
			if len(own.DomainName) >= 3 && !domain.ValidName(strings.ToLower(own.DomainName)) {
				p.add("Invalid domain name specified: %s", shorten(own.DomainName))
			}
			if len(own.CertificateARN) >= 10 && !domain.ValidCertificate(own.CertificateARN) {
				p.add("Invalid ARN. ARN is not well formed %s", shorten(own.CertificateARN))
			}
		}
	}
	p.length("logoUri", portal.LogoURI, 0, 1092)
	p.length("rumAppMonitorName", portal.RumAppMonitorName, 0, 255)
	if content := portal.PortalContent; content != nil {
		p.length("portalContent.displayName", content.DisplayName, 3, 255)
		p.length("portalContent.description", content.Description, 0, 1024)
		if content.Theme == nil || content.Theme.CustomColors == nil {
			p.constraint("null", "portalContent.theme.customColors", "Member must not be null")
		} else {
			content.Theme.CustomColors.check(p)
		}
	}
}

// colorForm is a colour as stylesheets write it.
var colorForm = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

func (c *CustomColors) check(p *problems) {
	for _, color := range [][2]string{
		{"accentColor", c.AccentColor}, {"backgroundColor", c.BackgroundColor}, {"errorValidationColor", c.ErrorValidationColor},
		{"headerColor", c.HeaderColor}, {"navigationColor", c.NavigationColor}, {"textColor", c.TextColor},
	} {
		member := "portalContent.theme.customColors." + color[0]
		p.length(member, color[1], 1, 16)
		if color[1] != "" && !colorForm.MatchString(color[1]) {
			p.add("Invalid %s: %s is not a color such as #1d4ed8", color[0], shorten(color[1]))
		}
	}
}

// checkIncluded checks that a portal's products are there, each once.
func checkIncluded(r store.Reader, c *restjson.Call, p *problems, arns []string) error {
	for i, arn := range arns {
		missing := restjson.NotFound("")
		id := productOfARN(c, arn)
		_, err := get[PortalProduct](r, c.Region+"/portalproducts/"+id, missing)
		switch {
		case id == "" || errors.Is(err, missing):
			p.add("Invalid portal product specified in includedPortalProductArns: %s", shorten(arn))
		case err != nil:
			return err
		case slices.Contains(arns[:i], arn):
			p.add("%s is in includedPortalProductArns twice", shorten(arn))
		}
	}
	return nil
}

// ignoreNotFound lets pass that something is gone already.
func ignoreNotFound(err error) error {
	var told *restjson.Error
	if errors.As(err, &told) && told.Status == http.StatusNotFound {
		return nil
	}
	return err
}
