package httpapi

import "time"

// Portal is a site for developers, as it is edited. What is published of it is a copy.
type Portal struct {
	Authorization             *PortalAuthorization `json:"authorization,omitempty"`
	EndpointConfiguration     *PortalEndpoint      `json:"endpointConfiguration,omitempty"`
	IncludedPortalProductARNs []string             `json:"includedPortalProductArns"`
	LastModified              time.Time            `json:"lastModified,omitzero"`
	LastPublished             time.Time            `json:"lastPublished,omitzero"`
	LastPublishedDescription  string               `json:"lastPublishedDescription,omitempty"`
	LogoURI                   string               `json:"logoUri,omitempty"`
	PortalContent             *PortalContent       `json:"portalContent,omitempty"`
	PortalID                  string               `json:"portalId,omitempty"`
	Preview                   *PortalPreview       `json:"preview,omitempty"`
	PublishStatus             string               `json:"publishStatus,omitempty"` // PUBLISHED | DISABLED
	RumAppMonitorName         string               `json:"rumAppMonitorName,omitempty"`
	Tags                      map[string]string    `json:"tags,omitzero"`
}

// PortalAuthorization says who may see a portal.
type PortalAuthorization struct {
	CognitoConfig *CognitoConfig `json:"cognitoConfig,omitempty"`
	None          *struct{}      `json:"none,omitempty"`
}

// CognitoConfig is a user pool whose users may see a portal.
type CognitoConfig struct {
	AppClientID    string `json:"appClientId,omitempty"`
	UserPoolARN    string `json:"userPoolArn,omitempty"`
	UserPoolDomain string `json:"userPoolDomain,omitempty"`
}

// PortalEndpoint is the domain that callers ask a portal to be at.
type PortalEndpoint struct {
	ACMManaged *ACMManaged `json:"acmManaged,omitempty"`
	None       *struct{}   `json:"none,omitempty"`
}

// ACMManaged is a domain of the caller's own.
type ACMManaged struct {
	CertificateARN string `json:"certificateArn,omitempty"`
	DomainName     string `json:"domainName,omitempty"`
}

// PortalContent is what visitors see of a portal itself.
type PortalContent struct {
	Description string       `json:"description,omitempty"`
	DisplayName string       `json:"displayName,omitempty"`
	Theme       *PortalTheme `json:"theme,omitempty"`
}

// PortalTheme is how a portal looks.
type PortalTheme struct {
	CustomColors     *CustomColors `json:"customColors,omitempty"`
	LogoLastUploaded time.Time     `json:"logoLastUploaded,omitzero"`
}

// CustomColors are the colours of a portal, such as #1d4ed8.
type CustomColors struct {
	AccentColor          string `json:"accentColor,omitempty"`
	BackgroundColor      string `json:"backgroundColor,omitempty"`
	ErrorValidationColor string `json:"errorValidationColor,omitempty"`
	HeaderColor          string `json:"headerColor,omitempty"`
	NavigationColor      string `json:"navigationColor,omitempty"`
	TextColor            string `json:"textColor,omitempty"`
}

// PortalProduct is a part of portals: pages about operations of REST APIs, and others.
type PortalProduct struct {
	Description      string            `json:"description"`
	DisplayName      string            `json:"displayName,omitempty"`
	DisplayOrder     *DisplayOrder     `json:"displayOrder,omitempty"`
	LastModified     time.Time         `json:"lastModified,omitzero"`
	PortalProductARN string            `json:"portalProductArn,omitempty"`
	PortalProductID  string            `json:"portalProductId,omitempty"`
	Tags             map[string]string `json:"tags,omitzero"`
}

// DisplayOrder is the order that a product's pages are shown in.
type DisplayOrder struct {
	Contents        []DisplaySection `json:"contents,omitempty"`
	OverviewPageARN string           `json:"overviewPageArn,omitempty"`
	ProductPageARNs []string         `json:"productPageArns,omitempty"`
}

// DisplaySection is a group of a product's operations (AWS: Section).
type DisplaySection struct {
	ProductRestEndpointPageARNs []string `json:"productRestEndpointPageArns"`
	SectionName                 string   `json:"sectionName"`
}

// ProductPage is a page of a product, written in Markdown.
type ProductPage struct {
	DisplayContent *DisplayContent `json:"displayContent,omitempty"`
	LastModified   time.Time       `json:"lastModified,omitzero"`
	ProductPageARN string          `json:"productPageArn,omitempty"`
	ProductPageID  string          `json:"productPageId,omitempty"`
}

// DisplayContent is what a page says.
type DisplayContent struct {
	Body  string `json:"body,omitempty"`
	Title string `json:"title,omitempty"`
}

// ProductRestEndpointPage is about an operation of a REST API's stage.
type ProductRestEndpointPage struct {
	DisplayContent             *EndpointDisplayContent `json:"displayContent,omitempty"`
	LastModified               time.Time               `json:"lastModified,omitzero"`
	ProductRestEndpointPageARN string                  `json:"productRestEndpointPageArn,omitempty"`
	ProductRestEndpointPageID  string                  `json:"productRestEndpointPageId,omitempty"`
	RestEndpointIdentifier     *RestEndpointIdentifier `json:"restEndpointIdentifier,omitempty"`
	TryItState                 string                  `json:"tryItState,omitempty"` // ENABLED | DISABLED
}

// EndpointDisplayContent is what callers have such a page say.
type EndpointDisplayContent struct {
	None      *struct{}                `json:"none,omitempty"`
	Overrides *DisplayContentOverrides `json:"overrides,omitempty"`
}

// DisplayContentOverrides go before what an API says of itself.
type DisplayContentOverrides struct {
	Body          string `json:"body,omitempty"`
	Endpoint      string `json:"endpoint,omitempty"`
	OperationName string `json:"operationName,omitempty"`
}

// RestEndpointIdentifier names an operation.
type RestEndpointIdentifier struct {
	IdentifierParts *IdentifierParts `json:"identifierParts,omitempty"`
}

// IdentifierParts are a method of a path in a stage of a REST API.
type IdentifierParts struct {
	Method    string `json:"method,omitempty"`
	Path      string `json:"path,omitempty"`
	RestAPIID string `json:"restApiId,omitempty"`
	Stage     string `json:"stage,omitempty"`
}
