package httpapi

import (
	"context"
	"encoding/json"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// SharingPolicy says which other accounts may have a product in their portals. Nobody
// else has portals here: it is kept, and has no effect.
type SharingPolicy struct {
	PolicyDocument  string `json:"policyDocument,omitempty"`
	PortalProductID string `json:"portalProductId,omitempty"`
}

const maxSharingPolicy = 307200

func sharingPolicyKey(c *restjson.Call) string { return productKey(c) + "/sharingpolicy" }

func (s *Service) putSharingPolicy(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, "policyDocument")
	if err != nil {
		return nil, err
	}
	var asked SharingPolicy
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "policyDocument")
	if in.has("policyDocument") {
		p.length("policyDocument", asked.PolicyDocument, 1, maxSharingPolicy)
		var policy struct {
			Statement json.RawMessage `json:"Statement"`
		}
		if json.Unmarshal([]byte(asked.PolicyDocument), &policy) != nil || policy.Statement == nil {
			p.add("Invalid policy document. Please check the policy syntax and ensure that Principals are valid.")
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	answer, err := update(ctx, s, func(tx store.Tx) (map[string]any, error) {
		product, err := portalProduct(tx, c)
		if err != nil {
			return nil, err
		}
		asked.PortalProductID = product.PortalProductID
		return map[string]any{}, store.WriteDocument(tx, sharingPolicyKey(c), &asked)
	})
	if err == nil {
		// The answer has nothing of it that the log could be told by (NoEffect).
		s.Log.Warn("A call has stored what has no effect on what is served.", "operation", c.Operation,
			"resource", asked.PortalProductID, "member", "policyDocument", "why", "there are the products of one account, which shares them with nobody")
	}
	return answer, err
}

func (s *Service) getSharingPolicy(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*SharingPolicy, error) { return sharingPolicy(r, c) })
}

func (s *Service) deleteSharingPolicy(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		if _, err := sharingPolicy(tx, c); err != nil {
			return err
		}
		tx.Delete(sharingPolicyKey(c))
		return nil
	})
}

func sharingPolicy(r store.Reader, c *restjson.Call) (*SharingPolicy, error) {
	if _, err := portalProduct(r, c); err != nil {
		return nil, err
	}
	return get[SharingPolicy](r, sharingPolicyKey(c), notFound("PortalProductSharingPolicy", "The portal product has no sharing policy"))
}
