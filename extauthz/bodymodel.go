package extauthz

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
)

// maxBodyBytes bounds what a compressed body may become. It is Amazon's bound of bodies.
const maxBodyBytes = 10 << 20

// maxBodyValues bounds how many values there are in all bodies that are looked at
// together, and so what memory they take.
const maxBodyValues = 2 * schema.MaxValues

// bodyModel holds bodies to the model of their content type. Those of other types are
// not looked at, as on Amazon's gateway.
type bodyModel struct {
	// schemas by content type, in lower case.
	schemas map[string]*schema.Schema
	// compressed: the gateway decompresses bodies on their way to the integration.
	compressed bool
}

func (*bodyModel) kind() kind { return bodyKind }

func (m *bodyModel) evaluate(ctx context.Context, c *check) *refusal {
	model := gateway.ModelFor(m.schemas, c.values("content-type"))
	if model == nil {
		return nil
	}
	body, ok := c.bodyAtHand()
	if !ok {
		return refuse(CodeModelBodyMissing, gateway.APIConfigurationError).because("Envoy did not send the body along")
	}
	weight := schema.Weight(body)
	compressed := m.compressed && len(body) > 0 && strings.EqualFold(strings.TrimSpace(c.header("content-encoding")), "gzip")
	if compressed {
		// How many values come out of it nobody knows.
		weight = schema.MaxValues
	}
	if err := c.bodies.Acquire(ctx, weight); err != nil {
		return refuse(CodeCancelled, gateway.APIConfigurationError).because(err.Error())
	}
	defer c.bodies.Release(weight)
	if compressed {
		var err error
		if body, err = decompressed(body); err != nil {
			return refusedBody(CodeBodyNotJSON, "[the body cannot be decompressed]")
		}
	}
	failure := model.Check(body)
	switch {
	case failure == nil:
		return nil
	case failure.Reason == schema.NotAllowed:
		return refusedBody(CodeBodyNotAllowed, failure.Detail)
	case failure.Reason == schema.TooMuch:
		return refusedBody(CodeBodyTooMuch, failure.Detail)
	}
	return refusedBody(CodeBodyNotJSON, failure.Detail)
}

func refusedBody(code Code, detail string) *refusal {
	r := refuse(code, gateway.BadRequestBody)
	r.detail = detail
	return r
}

// bodyAtHand is the request's body. Envoy sends it along, all of it, with every check
// that is about one.
func (c *check) bodyAtHand() ([]byte, bool) {
	body := c.http.GetRawBody()
	if len(body) == 0 {
		body = []byte(c.http.GetBody())
	}
	if c.header("x-envoy-auth-partial-body") == "true" {
		return nil, false
	}
	length := c.header("content-length")
	return body, len(body) > 0 || length == "" || length == "0"
}

var errNotOneStream = errors.New("more than one stream")

// decompressed gives what the integration will get. Two streams in one body might be
// taken there for the first of them only.
func decompressed(body []byte) ([]byte, error) {
	source := bytes.NewReader(body)
	in, err := gzip.NewReader(source)
	if err != nil {
		return nil, err
	}
	in.Multistream(false)
	out, err := io.ReadAll(io.LimitReader(in, maxBodyBytes+1))
	if err != nil {
		return nil, err
	}
	if len(out) > maxBodyBytes || source.Len() > 0 {
		return nil, errNotOneStream
	}
	return out, nil
}

// bodyModels compiles the models that a route's bodies are held to.
func (b *stageCompiler) bodyModels(r *gateway.Route) []evaluator {
	models := b.deployment.BodyModels(r)
	if len(models) == 0 {
		return nil
	}
	if b.schemas == nil {
		b.schemas = schema.NewSet(b.deployment.Models)
	}
	m := &bodyModel{schemas: map[string]*schema.Schema{}, compressed: b.deployment.MinimumCompressionSize != nil}
	for _, contentType := range slices.Sorted(maps.Keys(models)) {
		compiled, problems := b.schemas.Compile(models[contentType])
		for _, p := range problems {
			if !p.Warning { // Whoever read the model has told those.
				b.errorf("invalid-model", cmp.Or(b.modelSource(p.Model), r.Source), p.Hint, "%s: the model %s", r.Key(), p.String())
			}
		}
		key := contentType
		if key != gateway.DefaultRoute {
			key = strings.ToLower(contentType)
		}
		m.schemas[key] = compiled
	}
	return []evaluator{m}
}

func (b *stageCompiler) modelSource(name string) gateway.Position {
	for i := range b.deployment.Models {
		if b.deployment.Models[i].Name == name {
			return b.deployment.Models[i].Source
		}
	}
	return gateway.Position{}
}
