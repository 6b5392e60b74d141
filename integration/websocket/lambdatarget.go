package websocket

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"gatehouse/internal/lambda"
)

// Invoker calls Lambda functions: a *lambda.Client. Its errors are those of
// lambda.Client.Invoke.
type Invoker interface {
	Invoke(ctx context.Context, target lambda.Target, event []byte) ([]byte, error)
	// Start has a function called that nobody waits for.
	Start(ctx context.Context, target lambda.Target, event []byte) error
}

// function is a Lambda proxy integration.
type function struct {
	invoker Invoker
	target  lambda.Target
}

func (f *function) invoke(ctx context.Context, e *event) (*answer, error) {
	payload, err := e.lambda()
	if err != nil {
		return nil, &failure{http.StatusInternalServerError, messageInternal, err}
	}
	if t := e.trace(); t != nil {
		t.Ask(f.target.Shown(), nil, payload)
	}
	result, err := f.invoker.Invoke(ctx, f.target, payload)
	var itself *lambda.FunctionError
	if errors.As(err, &itself) {
		e.trace().Answer(http.Header{functionErrorHeader: {"Unhandled"}}, itself.Result)
	} else if err == nil {
		e.trace().Answer(nil, result)
	}
	switch {
	case itself != nil, errors.Is(err, lambda.ErrTooLarge):
		return nil, failed(ctx, http.StatusBadGateway, err)
	case err != nil:
		return nil, failed(ctx, http.StatusInternalServerError, err)
	}
	a, err := lambdaAnswer(result)
	if err != nil {
		return nil, &failure{http.StatusBadGateway, messageInternal, fmt.Errorf("%s answered %w", f.target, err)}
	}
	return a, nil
}

// lambdaAnswer reads what a function of a proxy integration returned. That has to be in
// form where nobody is answered, too.
func lambdaAnswer(result []byte) (*answer, error) {
	var out struct {
		Status   json.RawMessage            `json:"statusCode"`
		Headers  map[string]json.RawMessage `json:"headers"`
		Multi    map[string][]string        `json:"multiValueHeaders"`
		Body     *string                    `json:"body"`
		IsBase64 bool                       `json:"isBase64Encoded"`
	}
	if trimmed := bytes.TrimSpace(result); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errors.New("something that is no JSON object")
	}
	if err := json.Unmarshal(result, &out); err != nil {
		return nil, fmt.Errorf("no proxy response: %w", err)
	}
	status, err := lambdaStatus(out.Status)
	if err != nil {
		return nil, err
	}
	a := &answer{status: status, header: http.Header{}}
	for name, values := range out.Multi {
		for _, value := range values {
			a.header.Add(name, value)
		}
	}
	for name, raw := range out.Headers {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(bytes.TrimSpace(raw))
		}
		a.header.Set(name, text)
	}
	if out.Body != nil {
		a.body = []byte(*out.Body)
	}
	if out.IsBase64 {
		if a.body, err = base64.StdEncoding.DecodeString(string(a.body)); err != nil {
			return nil, fmt.Errorf("a body that is no base64: %w", err)
		}
	}
	return a, nil
}

// lambdaStatus reads a status, which may be text.
func lambdaStatus(raw json.RawMessage) (int, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return 0, errors.New("no statusCode")
	}
	status, err := strconv.Atoi(string(bytes.Trim(raw, `"`)))
	if err != nil || status < 100 || status > 599 {
		return 0, errors.New("a statusCode that is none")
	}
	return status, nil
}
