package integration

import (
	"maps"
	"slices"

	"gatehouse/gateway"
)

// What was compiled of a stage serves again as long as the stage is the same: a change of
// one API among thousands must not have all compiled.

// selfContained is a handler that depends on nothing but its route, the stage and the
// functions of the snapshot. Stages that have others are compiled each time.
type selfContained interface{ selfContained() }

func (*lambdaProxy) selfContained() {}

// reusable reports whether the stage may serve in a later revision as well.
func (s *stage) reusable() bool {
	for _, r := range s.routes {
		if _, ok := r.handler.(selfContained); !ok {
			return false
		}
	}
	return true
}

func (s *stage) logsExecutions() bool {
	for _, r := range s.routes {
		if r.execution.Errors() {
			return true
		}
	}
	return false
}

// known finds what was compiled of the same stage before. A deployment that was read again
// is the same if its hash is, but then its problems may stand on other lines.
func (c *Compiled) known(key stageKey, api *gateway.API, of *gateway.Stage, deployment *gateway.Deployment, variables map[string]string) *stage {
	if c.previous == nil {
		return nil
	}
	st := c.previous.stages[key]
	if of.Cache != nil || st != nil && st.cache != nil {
		return nil // What is said of a cache may have changed.
	}
	if of.LogsExecutions() || st != nil && st.logsExecutions() {
		return nil // The same goes for what is told of requests.
	}
	if st == nil || st.protocol != api.Protocol || st.account != api.Home().Account || !maps.Equal(st.variables, variables) || !st.reusable() {
		return nil
	}
	if st.deployment != deployment && (deployment.Hash() == "" || deployment.Hash() != st.deployment.Hash() || len(st.found) > 0) {
		return nil
	}
	return st
}

// sameFunctions reports whether names of functions stand for what they did.
func sameFunctions(a, b []gateway.Function) bool {
	return slices.EqualFunc(a, b, func(a, b gateway.Function) bool {
		a.Source, b.Source = gateway.Position{}, gateway.Position{}
		return a == b
	})
}

// keyValues are the values of API keys that functions are shown, by their names.
func keyValues(keys []gateway.APIKey) map[string]gateway.Secret {
	values := make(map[string]gateway.Secret, len(keys))
	for i := range keys {
		if len(keys[i].Values) > 0 {
			values[keys[i].Name] = keys[i].Values[0]
		}
	}
	return values
}
