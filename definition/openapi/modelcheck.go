package openapi

import (
	"cmp"
	"maps"
	"slices"

	"gatehouse/definition/source"
	"gatehouse/gateway/schema"
)

// modelDialect31 is the draft of OpenAPI 3.1's schemas that name none. What 3.1 adds to
// it, such as discriminator, says nothing about which bodies are good.
const modelDialect31 = "https://json-schema.org/draft/2020-12/schema"

// baseDialect31 is how OpenAPI 3.1 itself calls that draft and what it adds.
const baseDialect31 = "https://spec.openapis.org/oas/3.1/dialect/base"

// readSchemaDialect reads which draft the document's schemas are of: only OpenAPI 3.1
// has a choice.
func (p *parser) readSchemaDialect(root *source.Object) {
	if p.dialect != openAPI31 {
		return
	}
	p.schemaDialect = cmp.Or(p.text(root.Get("jsonSchemaDialect")), modelDialect31)
	if p.schemaDialect == baseDialect31 {
		p.schemaDialect = modelDialect31
	}
}

// checkModels compiles the models that some validator holds bodies to, so that what is
// wrong with them is told at its line. Others have no effect, whatever is in them.
func (p *parser) checkModels() {
	var set *schema.Set
	for i := range p.out.Routes {
		models := p.out.BodyModels(&p.out.Routes[i])
		for _, contentType := range slices.Sorted(maps.Keys(models)) {
			if set == nil {
				set = schema.NewSet(p.out.Models)
			}
			_, problems := set.Compile(models[contentType])
			for _, problem := range problems {
				p.reportModel(problem)
			}
		}
	}
}

// reportModel reports a problem at the place in the document that the model is of.
// References that lead nowhere are told where models are read, validated or not.
func (p *parser) reportModel(problem schema.Problem) {
	if problem.Dangling {
		return
	}
	model := p.models.written[problem.Model]
	at, _, ok := p.refs.lookup(model, problem.Pointer)
	if !ok {
		at = model
	}
	if problem.Warning {
		at.Warnf("no-effect", problem.Hint, "%s", problem.Message)
		return
	}
	at.Errorf("invalid-model", problem.Hint, "the schema cannot be used: %s", problem.Message)
}
