package explain

import (
	"fmt"
	"strings"

	"gatehouse/gateway"
)

// limits tells which there are; false where one lets nothing through. Whether another is reached
// depends on what came before.
func (ex *offline) limits() bool {
	for _, name := range ex.plansOf(ex.key) {
		if !ex.planLimits(ex.snapshot.UsagePlan(name)) {
			return false
		}
	}
	return ex.throttle("the route", ex.stage.RouteThrottle(ex.of.Key())) && ex.throttle("the stage", ex.stage.Throttle) &&
		ex.throttle("all APIs together", ex.snapshot.Account.Throttle)
}

func (ex *offline) planLimits(p *gateway.UsagePlan) bool {
	if q := p.Quota; q != nil {
		ex.add("quota", Open, q.Source, fmt.Sprintf("the usage plan %s lets the key call %d times a %s; 429 Limit Exceeded beyond that", p.Name, q.Limit, strings.ToLower(string(q.Period))))
	}
	return ex.throttle("the key, by the usage plan "+p.Name+", for the route", p.Stage(ex.API, ex.Stage).RouteThrottle(ex.of.Key())) &&
		ex.throttle("the key, by the usage plan "+p.Name, p.Throttle)
}

// throttle tells of one, nil for none.
func (ex *offline) throttle(whose string, t *gateway.Throttle) bool {
	if t == nil {
		return true
	}
	if t.Rate == 0 || t.Burst == 0 {
		ex.refuse("throttle", t.Source, gateway.Throttled, "", fmt.Sprintf("the throttle of %s lets nothing through", whose))
		return false
	}
	where := "in each Envoy"
	if t.Shared {
		where = "in all Envoys together"
	}
	ex.add("throttle", Open, t.Source, fmt.Sprintf("%s: %g requests a second, %d at once, %s; 429 Too Many Requests beyond that", whose, t.Rate, t.Burst, where))
	return true
}
