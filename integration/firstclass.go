package integration

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
)

// firstClass is an integration of an HTTP API that calls one action of a service, whose
// parameters are mapped one by one.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services.html
type firstClass struct {
	action *serviceAction
	place  amazon.Place
	// parameters are in the order of the definition.
	parameters []namedValue
	responses  []statusMappings
}

type namedValue struct {
	name  string
	value httpValue
}

// statusMappings change answers of one status.
type statusMappings struct {
	status  int
	changes []headerChange
}

// headerChange sets a header of an answer, or its status if it names none.
type headerChange struct {
	op, name string
	value    httpValue
}

// firstClass compiles an integration with a subtype.
func (b *stageCompiler) firstClass(r *gateway.Route) handler {
	in := r.Integration
	action := serviceActions[in.Subtype]
	if action == nil {
		b.errorf("unsupported-integration", in.Source, "write one of "+strings.Join(sortedKeys(serviceActions), ", "), "%s has the integrationSubtype %q, which is not known", r.Key(), in.Subtype)
		return nil
	}
	h := &firstClass{action: action, place: amazon.Place{Name: action.service}}
	ok := true
	given := map[string]bool{}
	for _, m := range in.RequestParameters {
		if m.Target != regionParameter && !action.has(m.Target) {
			b.errorf("invalid-mapping", m.Pos, action.hint(), "%s has no parameter %q", in.Subtype, m.Target)
			ok = false
			continue
		}
		value, right := b.httpValue(m, false)
		if constant, is := value.constant(); is && right && constant == "" {
			b.errorf("empty-value", m.Pos, "leave it out, or give it a value", "the parameter %s of %s is empty", m.Target, in.Subtype)
			right = false
		}
		ok = ok && right
		given[m.Target] = true
		if m.Target == regionParameter {
			ok = b.regionOf(h, m, value) && ok
			continue
		}
		h.parameters = append(h.parameters, namedValue{m.Target, value})
	}
	for _, name := range action.required {
		if !given[name] {
			b.errorf("missing-key", in.Source, action.hint(), "%s needs the request parameter %s", in.Subtype, name)
			ok = false
		}
	}
	if h.place.Region == "" {
		h.place.Region = h.ownRegion()
	}
	for _, status := range in.ResponseParameters {
		changes, right := b.answerChanges(status)
		h.responses, ok = append(h.responses, changes), ok && right
	}
	role, right := b.role(r)
	if h.place.Role = role; !ok || !right {
		return nil
	}
	return h
}

// regionParameter is one that all actions have.
const regionParameter = "Region"

// regionOf takes a region that the definition names. A client must not choose it: it would
// choose the host that is called.
func (b *stageCompiler) regionOf(h *firstClass, m gateway.ParameterMapping, value httpValue) bool {
	region, constant := value.constant()
	if !constant || !amazon.IsRegion(region) {
		b.errorf("invalid-mapping", m.Pos, "write it out, or take it from a stage variable", "the parameter Region has to be the constant name of a region")
		return false
	}
	h.place.Region = region
	return true
}

// ownRegion is the one that a constant queue or ARN is in, "" if none says.
func (h *firstClass) ownRegion() string {
	for _, p := range h.parameters {
		text, constant := p.value.constant()
		if !constant {
			continue
		}
		if parts := strings.Split(text, ":"); len(parts) >= 6 && parts[0] == "arn" && amazon.IsRegion(parts[3]) {
			return parts[3]
		}
		if _, host, found := strings.Cut(text, "://sqs."); found && p.name == "QueueUrl" {
			if region, _, _ := strings.Cut(host, "."); strings.Contains(host, ".amazonaws.") && amazon.IsRegion(region) {
				return region
			}
		}
	}
	return ""
}

// answerChanges compiles the response mappings of a status.
func (b *stageCompiler) answerChanges(of gateway.StatusMappings) (s statusMappings, ok bool) {
	ok = true
	s.status, _ = strconv.Atoi(of.StatusCode) // The definition's reader has checked it.
	for _, m := range of.Mappings {
		op, target, _ := strings.Cut(m.Target, ":")
		change := headerChange{op: op}
		name, isHeader := strings.CutPrefix(target, "header.")
		switch {
		case target == "statuscode" && op == "overwrite":
		case isHeader && httpguts.ValidHeaderFieldName(name) && slices.Contains([]string{"append", "overwrite", "remove"}, op):
			change.name = http.CanonicalHeaderKey(name)
			if gateway.ReservedHeader(name) {
				b.errorf("reserved-header", m.Pos, "", "the header %s is reserved and cannot be mapped", name)
				ok = false
			}
		default:
			b.errorf("invalid-mapping", m.Pos, "write append:, overwrite: or remove: before header.NAME, or overwrite:statuscode", "%q is not a target of a response mapping", m.Target)
			ok = false
		}
		if op != "remove" {
			var right bool
			change.value, right = b.httpValue(m, true)
			ok = ok && right
		}
		s.changes = append(s.changes, change)
	}
	return s, ok
}

func (*firstClass) selfContained() {}

func (h *firstClass) kind() string { return "service" }

func (h *firstClass) serve(x *exchange) {
	m := &httpMapping{exchange: x}
	if t := h.run(m); t != nil {
		x.failWith(t.failure, t.message, t.reason)
	}
}

func (h *firstClass) run(m *httpMapping) *trouble {
	var failed *failure
	if m.body, failed = m.readBody(); failed != nil {
		return &trouble{failure: failed, reason: "the request's body could not be read"}
	}
	values := make(map[string]string, len(h.parameters))
	size := 0
	for i := range h.parameters {
		p := &h.parameters[i]
		value := m.text(p.value)
		if value == "" {
			// Seen on Amazon, whether the action needs the parameter or not.
			return &trouble{failure: badRequest, reason: "the request has no value for the parameter " + p.name}
		}
		values[p.name] = value
		size += len(value)
	}
	// Each is encoded once more.
	if size *= 3; !m.memory.take(m.ctx(), int64(size)) {
		return &trouble{failure: m.noMemory(), reason: "the parameters are too much with all else under way"}
	}
	call, err := h.action.call(values)
	if err != nil {
		return &trouble{failure: badRequest, reason: err.Error()}
	}
	header := http.Header{"Content-Type": {call.contentType}, "User-Agent": {"AmazonAPIGateway_" + m.route.stage.api}, "X-Amzn-Trace-Id": {m.traceID()}}
	if call.contentType == "" {
		delete(header, "Content-Type")
	}
	if call.target != "" {
		header["X-Amz-Target"] = []string{call.target}
	}
	response, t := m.callService(h.place, call.method, call.to, header, call.body)
	if t != nil {
		return t
	}
	defer response.Body.Close()
	m.called = response.StatusCode
	m.calledAs = requestIDOf(response.Header)
	answer, t := m.readResponse(response)
	if t != nil {
		return t
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return refusedAction(h.place, response)
	}
	m.header, m.answer = response.Header, answer
	return h.answer(m, response)
}

// refusedAction is for a service that does not do what it is asked. What it says is not for
// clients: Amazon answers them 500.
func refusedAction(place amazon.Place, response *http.Response) *trouble {
	t := &trouble{failure: refused, reason: place.Name + " answers with status " + strconv.Itoa(response.StatusCode)}
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable {
		t.failure = throttled
	}
	if kind := response.Header.Get("X-Amzn-Errortype"); kind != "" {
		t.reason += ", " + strconv.Quote(kind[:min(len(kind), 100)])
	}
	return t
}

// answer passes the service's on, with what is mapped.
func (h *firstClass) answer(m *httpMapping, response *http.Response) *trouble {
	out := m.w.Header()
	for name, values := range response.Header {
		if !droppedOfHTTP[name] && !hasInternalPrefix(name) {
			out[name] = values
		}
	}
	status := response.StatusCode
	for _, s := range h.responses {
		if s.status != response.StatusCode {
			continue
		}
		for i := range s.changes {
			c := &s.changes[i]
			value := m.text(c.value)
			switch {
			case c.op == "remove":
				delete(out, c.name)
			case value == "":
			case c.name == "":
				if n, err := strconv.Atoi(value); err == nil && n >= 200 && n <= 599 {
					status = n
				}
			case c.op == "append":
				out[c.name] = append(slices.Clone(out[c.name]), headerSafe(value))
			default:
				out[c.name] = []string{headerSafe(value)}
			}
		}
	}
	m.tellCall()
	m.write(status, m.answer)
	return nil
}
