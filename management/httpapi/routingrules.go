package httpapi

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/management/domain"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) routingRuleOperations() []restjson.Operation {
	const path = "/v2/domainnames/{domainName}/routingrules"
	return []restjson.Operation{
		{Name: "ListRoutingRules", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.listRoutingRules},
		{Name: "CreateRoutingRule", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createRoutingRule},
		{Name: "GetRoutingRule", Method: http.MethodGet, Path: path + "/{routingRuleId}", Status: http.StatusOK, Do: s.getRoutingRule},
		{Name: "PutRoutingRule", Method: http.MethodPut, Path: path + "/{routingRuleId}", Status: http.StatusOK, Do: s.putRoutingRule},
		{Name: "DeleteRoutingRule", Method: http.MethodDelete, Path: path + "/{routingRuleId}", Status: http.StatusNoContent, Do: s.deleteRoutingRule},
	}
}

// routingRule is a rule as apigatewayv2 shows it.
type routingRule struct {
	domain.Rule
	ARN string `json:"routingRuleArn"`
}

func ruleAnswer(c *restjson.Call, n *domain.Name, rule *domain.Rule) *routingRule {
	return &routingRule{*rule, "arn:aws:apigateway:" + c.Region + ":" + c.AccountID + ":/domainnames/" + n.Name + "/routingrules/" + rule.ID}
}

var errUnknownRule = notFound("RoutingRule", "Invalid routing rule identifier specified")

// ruleOf reads the rule that a call is about, and its domain name.
func ruleOf(r store.Reader, c *restjson.Call) (*domain.Name, *domain.Rule, error) {
	n, err := domainOf(r, c)
	if err != nil {
		return nil, nil, err
	}
	if !isName(c.Params["routingRuleId"]) {
		return nil, nil, errUnknownRule
	}
	rule, err := get[domain.Rule](r, domain.RulesFolder(c.Region, n.Name)+c.Params["routingRuleId"], errUnknownRule)
	return n, rule, err
}

func (s *Service) listRoutingRules(ctx context.Context, c *restjson.Call) (any, error) {
	type answer struct {
		RoutingRules []*routingRule `json:"routingRules"`
		NextToken    string         `json:"nextToken,omitempty"`
	}
	return view(ctx, s, func(r store.Reader) (*answer, error) {
		n, err := domainOf(r, c)
		if err != nil {
			return nil, err
		}
		kept, err := list[domain.Rule](r, c, domain.RulesFolder(c.Region, n.Name), nil)
		if err != nil {
			return nil, err
		}
		a := &answer{RoutingRules: []*routingRule{}, NextToken: kept.NextToken}
		for i := range kept.Items {
			a.RoutingRules = append(a.RoutingRules, ruleAnswer(c, n, &kept.Items[i]))
		}
		return a, nil
	})
}

func (s *Service) getRoutingRule(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*routingRule, error) {
		n, rule, err := ruleOf(r, c)
		if err != nil {
			return nil, err
		}
		return ruleAnswer(c, n, rule), nil
	})
}

func (s *Service) createRoutingRule(ctx context.Context, c *restjson.Call) (any, error) {
	return s.writeRule(ctx, c, func(r store.Reader) (*domain.Name, string, error) {
		n, err := domainOf(r, c)
		return n, "", err
	})
}

func (s *Service) putRoutingRule(ctx context.Context, c *restjson.Call) (any, error) {
	return s.writeRule(ctx, c, func(r store.Reader) (*domain.Name, string, error) {
		n, rule, err := ruleOf(r, c)
		if err != nil {
			return nil, "", err
		}
		return n, rule.ID, nil
	})
}

// writeRule writes the rule that a call tells, for the domain name and with the id that find
// gives.
func (s *Service) writeRule(ctx context.Context, c *restjson.Call, find func(store.Reader) (*domain.Name, string, error)) (any, error) {
	in, err := readInput(c, "actions", "conditions", "priority")
	if err != nil {
		return nil, err
	}
	asked := domain.Rule{Conditions: []domain.RuleCondition{}}
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "actions", "conditions", "priority")
	if err := p.err(); err != nil {
		return nil, err
	}
	if wrong := asked.Problem(); wrong != "" {
		return nil, restjson.BadRequest("%s", wrong)
	}
	return update(ctx, s, func(tx store.Tx) (*routingRule, error) {
		n, id, err := find(tx)
		if err != nil {
			return nil, err
		}
		rule := asked
		rule.ID = id
		if err := checkRuleTarget(tx, c.Region, rule.Target()); err != nil {
			return nil, err
		}
		if err := domain.PutRule(tx, c.Region, n.Name, &rule); errors.Is(err, domain.ErrExists) {
			return nil, restjson.Conflict("A routing rule with priority %d already exists for this domain name", rule.Priority)
		} else if err != nil {
			return nil, err
		}
		return ruleAnswer(c, n, &rule), s.checkServed(ctx, tx, domain.NameKey(c.Region, n.Name))
	})
}

// checkRuleTarget checks that what a rule leads to is there. Rules lead to REST APIs only.
func checkRuleTarget(r store.Reader, region string, t *domain.RuleTarget) error {
	if !isName(t.APIID) {
		return restjson.BadRequest("Invalid REST API identifier specified")
	}
	if _, err := r.Get(region + "/restapis/" + t.APIID); errors.Is(err, store.ErrNotFound) {
		return restjson.BadRequest("Invalid REST API identifier specified")
	} else if err != nil {
		return err
	}
	return checkMappingTarget(r, region, &domain.Mapping{APIID: t.APIID, Stage: t.Stage})
}

func (s *Service) deleteRoutingRule(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		n, rule, err := ruleOf(tx, c)
		if err != nil {
			return err
		}
		tx.Delete(domain.RulesFolder(c.Region, n.Name) + rule.ID)
		return nil
	})
}
