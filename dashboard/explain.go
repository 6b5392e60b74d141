package dashboard

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"gatehouse/explain"
	"gatehouse/gateway"
)

// explainPage is what would become of a request that is only thought of. It is asked by a
// form that is not part of the address: headers may hold keys.
var explainPage = page{
	pattern: "explain", nav: "Explain", template: "explain", form: true,
	read: (*Server).explain,
}

// maxQuestion bounds the headers of a question.
const maxQuestion = 8 << 10

type explainView struct {
	Methods []usageChoice
	// URL, Headers and Source are the question, as it was written.
	URL, Headers, Source string
	Canary               bool
	// Wrong says what is wrong with it.
	Wrong     string
	Explained *explainedView
}

// explainedView is an explanation with its steps as they are shown.
type explainedView struct {
	*explain.Explanation
	Where  string
	Steps  []stepView
	Answer answerView
}

type stepView struct{ Name, Text, Word, Kind, Source string }

type answerView struct {
	Word, Kind, Type, Body string
	// Certain is false where it depends on what is not known here.
	Certain bool
}

func (s *Server) explain(r *http.Request) (*shown, error) {
	v := &explainView{URL: s.exampleURL()}
	method := http.MethodGet
	out := &shown{Title: "Explain a request", Data: v}
	if r.Method == http.MethodPost {
		method, v.URL, v.Headers, v.Source = r.PostForm.Get("method"), strings.TrimSpace(r.PostForm.Get("url")), r.PostForm.Get("headers"), strings.TrimSpace(r.PostForm.Get("source"))
		v.Canary = r.PostForm.Get("canary") != ""
	}
	for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
		v.Methods = append(v.Methods, usageChoice{m, m, m == method})
	}
	if r.Method != http.MethodPost {
		return out, nil
	}
	snapshot := s.snapshot()
	if snapshot == nil {
		v.Wrong = "Nothing is served yet."
		return out, nil
	}
	question := explain.Question{Method: method, URL: v.URL, Canary: v.Canary}
	var err error
	if question.Header, err = readHeaders(v.Headers); err == nil && v.Source != "" {
		if question.Source, err = netip.ParseAddr(v.Source); err != nil {
			err = fmt.Errorf("“%s” is no IP address", v.Source)
		}
	}
	var explained *explain.Explanation
	if err == nil {
		// All that is served may have to be gone through, which one at a time may ask for.
		s.explaining.Lock()
		explained, err = s.explained(snapshot, question)
		s.explaining.Unlock()
	}
	if err != nil {
		v.Wrong = err.Error()
		return out, nil
	}
	v.Explained = viewExplained(explained)
	return out, nil
}

func (s *Server) explained(snapshot *gateway.Snapshot, question explain.Question) (*explain.Explanation, error) {
	prepared, err := s.options.Explainer(snapshot)
	if err != nil {
		return nil, err
	}
	return prepared.Offline(question)
}

// exampleURL is one that there is something to say about.
func (s *Server) exampleURL() string {
	snapshot := s.snapshot()
	if snapshot == nil {
		return ""
	}
	for i := range snapshot.APIs {
		for j := range snapshot.APIs[i].Stages {
			for _, address := range addressesOf(snapshot, &snapshot.APIs[i], &snapshot.APIs[i].Stages[j]) {
				if !strings.HasPrefix(address, "*") {
					return "http://" + address
				}
			}
		}
	}
	return ""
}

// readHeaders reads lines such as "Authorization: Bearer …".
func readHeaders(text string) (http.Header, error) {
	header := http.Header{}
	if len(text) > maxQuestion {
		return nil, fmt.Errorf("headers of more than %d bytes are too long", maxQuestion)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" {
			return nil, fmt.Errorf("%.40q is no header, such as X-Api-Key: VALUE", line)
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

func viewExplained(e *explain.Explanation) *explainedView {
	v := &explainedView{Explanation: e}
	for _, part := range []string{e.APIName, e.Stage, e.Route} {
		if part != "" {
			v.Where = strings.TrimPrefix(v.Where+" · "+part, " · ")
		}
	}
	words := map[explain.Result][2]string{
		explain.Passed: {"passed", "good"}, explain.Failed: {"refused", "bad"}, explain.Open: {"depends", "warn"}, explain.Noted: {"noted", ""},
	}
	for _, step := range e.Steps {
		word := words[step.Result]
		v.Steps = append(v.Steps, stepView{step.Name, step.Text, word[0], word[1], place(step.Source)})
	}
	a := answerView{Type: string(e.Answer.ResponseType), Body: e.Answer.Body, Certain: e.Answer.Certain, Kind: "good"}
	a.Word = "answered by the integration"
	if e.Answer.From == explain.FromGateway {
		a.Word = "answered by the gateway"
	}
	if e.Answer.Status != 0 {
		a.Word = fmt.Sprintf("%d, %s", e.Answer.Status, a.Word)
	}
	switch {
	case e.Answer.Status >= 500:
		a.Kind = "bad"
	case e.Answer.Status >= 400:
		a.Kind = "warn"
	}
	v.Answer = a
	return v
}
