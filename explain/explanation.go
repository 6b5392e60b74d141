package explain

import (
	"encoding/json"

	"gatehouse/gateway"
)

// Explanation is what becomes of a request, and why.
type Explanation struct {
	// Gateway is the one that was asked, empty where none serves the host.
	Gateway string `json:"gateway,omitempty"`
	API     string `json:"api,omitempty"`
	APIName string `json:"apiName,omitempty"`
	Stage   string `json:"stage,omitempty"`
	// Canary says that the routes are those of the stage's canary.
	Canary bool `json:"canary,omitempty"`
	// Route is the key of the route, such as "GET /pets/{id}", empty for none.
	Route string `json:"route,omitempty"`
	// PathParameters are what the route's variables stand for, as the client wrote it.
	PathParameters map[string]string `json:"pathParameters,omitempty"`
	// Steps are in the order in which they are taken. What follows one that fails is not
	// reached, and not in them.
	Steps []Step `json:"steps"`
	// Answer is what the client gets.
	Answer Answer `json:"answer"`
	// Execution is the execution log of a request that was made, a line each, where its stage
	// keeps one.
	Execution []string `json:"execution,omitempty"`
}

// Step is one thing that happens to a request.
type Step struct {
	// Name says what, in a word or two, such as "API key".
	Name   string
	Result Result
	// Text is a sentence for people.
	Text string
	// Source is where the definitions ask for it.
	Source gateway.Position
}

// stepJSON is a step as others read it.
type stepJSON struct {
	Name   string  `json:"name"`
	Result Result  `json:"result"`
	Text   string  `json:"text"`
	Source *source `json:"source,omitempty"`
}

type source struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// MarshalJSON leaves out a source that is not known.
func (s Step) MarshalJSON() ([]byte, error) {
	out := stepJSON{Name: s.Name, Result: s.Result, Text: s.Text}
	if shownAt(s.Source) != "" {
		out.Source = &source{s.Source.File, s.Source.Line, s.Source.Column}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Step) UnmarshalJSON(data []byte) error {
	var in stepJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*s = Step{Name: in.Name, Result: in.Result, Text: in.Text}
	if in.Source != nil {
		s.Source = gateway.Position{File: in.Source.File, Line: in.Source.Line, Column: in.Source.Column}
	}
	return nil
}

// Result is how a step ends.
type Result string

const (
	// Passed and Failed are certain.
	Passed Result = "passed"
	Failed Result = "failed"
	// Open depends on what is not known here; the text says on what, and what follows.
	Open Result = "open"
	// Noted decides nothing.
	Noted Result = "noted"
)

// Answer is what a client gets.
type Answer struct {
	// Status is 0 where it is the integration's to say.
	Status int `json:"status,omitempty"`
	// Certain is false where a step before it is Open: it is the answer if that is passed.
	Certain bool `json:"certain"`
	// ResponseType is the gateway response, of REST APIs, where the gateway answers.
	ResponseType gateway.ResponseType `json:"responseType,omitempty"`
	// Body is the gateway's own, with variables in it as %…% where it has any.
	Body string `json:"body,omitempty"`
	// From says who answers: the gateway, or the integration.
	From string `json:"from"`
}

// Who answers.
const (
	FromGateway     = "gateway"
	FromIntegration = "integration"
)

func (e *Explanation) add(name string, result Result, at gateway.Position, text string) {
	e.Steps = append(e.Steps, Step{Name: name, Result: result, Text: text, Source: at})
}

// Refused tells whether the gateway answers with an error of its own, for certain.
func (e *Explanation) Refused() bool {
	return e.Answer.From == FromGateway && e.Answer.Certain && e.Answer.Status >= 400
}

// settled reports whether all steps so far are certain.
func (e *Explanation) settled() bool {
	for _, s := range e.Steps {
		if s.Result == Open {
			return false
		}
	}
	return true
}
