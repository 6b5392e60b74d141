package explain

import (
	"fmt"
	"strings"

	"gatehouse/gateway"
)

// limits tells which there are. Whether one is reached depends on what came before.
func (ex *offline) limits() {
	for _, name := range ex.plansOf(ex.key) {
		ex.planLimits(ex.snapshot.UsagePlan(name))
	}
	if t := ex.stage.RouteThrottle(ex.of.Key()); t != nil {
		ex.throttle("the route", t)
	}
	if t := ex.stage.Throttle; t != nil {
		ex.throttle("the stage", t)
	}
	if t := ex.snapshot.Account.Throttle; t != nil {
		ex.throttle("all APIs together", t)
	}
}

func (ex *offline) planLimits(p *gateway.UsagePlan) {
	if q := p.Quota; q != nil {
		ex.add("quota", Open, q.Source, fmt.Sprintf("the usage plan %s lets the key call %d times a %s; 429 Limit Exceeded beyond that", p.Name, q.Limit, strings.ToLower(string(q.Period))))
	}
	if t := p.Stage(ex.API, ex.Stage).RouteThrottle(ex.of.Key()); t != nil {
		ex.throttle("the key, by the usage plan "+p.Name+", for the route", t)
	}
	if p.Throttle != nil {
		ex.throttle("the key, by the usage plan "+p.Name, p.Throttle)
	}
}

func (ex *offline) throttle(whose string, t *gateway.Throttle) {
	where := "in each Envoy"
	if t.Shared {
		where = "in all Envoys together"
	}
	if t.Rate == 0 || t.Burst == 0 {
		ex.add("throttle", Failed, t.Source, fmt.Sprintf("the throttle of %s lets nothing through", whose))
		return
	}
	ex.add("throttle", Open, t.Source, fmt.Sprintf("%s: %g requests a second, %d at once, %s; 429 Too Many Requests beyond that", whose, t.Rate, t.Burst, where))
}
