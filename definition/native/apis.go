package native

import (
	"cmp"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

func parseAPI(v source.Value) API {
	o := v.Object()
	a := API{API: gateway.API{
		Name:                      o.Require("name").Text(),
		Description:               o.Get("description").Text(),
		Protocol:                  gateway.Protocol(cmp.Or(o.Get("protocol").OneOf("REST", "HTTP", "WEBSOCKET"), "REST")),
		Gateways:                  o.Get("gateways").Texts(),
		DisableExecuteAPIEndpoint: o.Get("disableExecuteApiEndpoint").Bool(false),
		Tags:                      o.Get("tags").StringMap(),
		Source:                    v.Pos(),
	}}
	a.ID = cmp.Or(o.Get("id").Text(), a.Name)
	file := o.Get("definition")
	own := Definition{File: file.Text(), Backend: o.Get("backend").Text(), Value: file}
	if !file.Exists() {
		own.Value = v
	}
	stages := o.Get("stages")
	for _, s := range stages.List() {
		a.Stages = append(a.Stages, parseStage(s, own))
	}
	switch {
	case len(a.Stages) > 0:
	case a.Protocol == gateway.HTTP:
		a.Stages = []Stage{{Stage: gateway.Stage{Name: gateway.DefaultStage, Source: v.Pos()}, Definition: own}}
	default:
		v.Errorf("missing-key", "add stages: [{name: v1}]", "the %s API %s has no stages", a.Protocol, a.Name)
	}
	o.Done()
	return a
}

func parseStage(v source.Value, own Definition) Stage {
	o := v.Object()
	s := Stage{Stage: gateway.Stage{
		Name:        o.Require("name").Text(),
		Description: o.Get("description").Text(),
		Variables:   o.Get("variables").StringMap(),
		Source:      v.Pos(),
	}}
	s.Definition = own
	if file := o.Get("definition"); file.Exists() {
		s.Definition.File, s.Definition.Value = file.Text(), file
	}
	s.Definition.Backend = cmp.Or(o.Get("backend").Text(), own.Backend)
	if t := o.Get("throttle"); t.Exists() {
		s.Settings = append(s.Settings, gateway.RouteSettings{RouteKey: "*", Throttle: parseThrottle(t), Source: t.Pos()})
	}
	for _, e := range o.Get("routes").Object().Entries() {
		s.Settings = append(s.Settings, parseSettings(e))
	}
	if c := o.Get("canary"); c.Exists() {
		s.parseCanary(c)
	}
	o.Done()
	return s
}

func (s *Stage) parseCanary(v source.Value) {
	o := v.Object()
	s.Stage.Canary = &gateway.Canary{
		Percent:   o.Require("percent").Number(0, 0, 100),
		Variables: o.Get("variables").StringMap(),
		Source:    v.Pos(),
	}
	if file := o.Get("definition"); file.Exists() {
		s.Canary = Definition{File: file.Text(), Backend: s.Definition.Backend, Value: file}
	}
	o.Done()
}

func parseSettings(e source.Entry) gateway.RouteSettings {
	o := e.Object()
	s := gateway.RouteSettings{RouteKey: e.Key, Source: e.KeyValue.Pos()}
	if v := o.Get("timeout"); v.Exists() {
		n := v.Millis(0)
		s.TimeoutMillis = &n
	}
	if v := o.Get("maxRequestBytes"); v.Exists() {
		n := v.Bytes(0)
		s.MaxRequestBytes = &n
	}
	s.Retry = parseRetry(o.Get("retry"))
	if v := o.Get("throttle"); v.Exists() {
		s.Throttle = parseThrottle(v)
	}
	o.Done()
	return s
}

func parseThrottle(v source.Value) *gateway.Throttle {
	o := v.Object()
	t := &gateway.Throttle{
		Rate:  o.Require("rate").Number(0, 0, 1e9),
		Burst: o.Get("burst").Int(0, 0, 1e9),
	}
	o.Done()
	return t
}

func parseUsagePlan(v source.Value) gateway.UsagePlan {
	o := v.Object()
	p := gateway.UsagePlan{
		Name:   o.Require("name").Text(),
		Stages: o.Get("stages").Texts(),
		Keys:   o.Get("keys").Texts(),
		Source: v.Pos(),
	}
	if t := o.Get("throttle"); t.Exists() {
		p.Throttle = parseThrottle(t)
	}
	if q := o.Get("quota"); q.Exists() {
		quota := q.Object()
		p.Quota = &gateway.Quota{
			Limit:  quota.Require("limit").Int(0, 1, 1<<53),
			Period: quota.Require("period").OneOf("DAY", "WEEK", "MONTH"),
			Offset: quota.Get("offset").Int(0, 0, 1<<53),
		}
		quota.Done()
	}
	o.Done()
	return p
}
