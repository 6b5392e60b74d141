package gateway

import (
	"maps"
	"regexp"
	"slices"
)

var stageVariableReference = regexp.MustCompile(`\$\{stageVariables\.([A-Za-z0-9_]+)\}`)

// ResolveStageVariables replaces ${stageVariables.name} in text. Names without a
// value are replaced by nothing and listed in missing, each once: AWS deploys such a
// definition and fails at run time, Gatehouse refuses it.
func ResolveStageVariables(text string, variables map[string]string) (resolved string, missing []string) {
	resolved = stageVariableReference.ReplaceAllStringFunc(text, func(ref string) string {
		name := stageVariableReference.FindStringSubmatch(ref)[1]
		value, ok := variables[name]
		if !ok && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
		return value
	})
	return resolved, missing
}

// CanaryVariables are the stage's variables with the canary's laid over them.
func (s *Stage) CanaryVariables() map[string]string {
	merged := maps.Clone(s.Variables)
	if s.Canary == nil || len(s.Canary.Variables) == 0 {
		return merged
	}
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, s.Canary.Variables)
	return merged
}
