package websocket

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// mock is a MOCK integration: its answer has the status that its template says, and no
// body.
type mock struct {
	templates *templates
}

func (m *mock) invoke(_ context.Context, e *event) (*answer, error) {
	text, err := m.templates.render(e, e.body)
	if err != nil {
		return nil, &failure{http.StatusInternalServerError, messageInternal, err}
	}
	var request struct {
		Status json.Number `json:"statusCode"`
	}
	if err := json.Unmarshal(text, &request); err != nil {
		return nil, &failure{http.StatusInternalServerError, messageInternal, fmt.Errorf("the request template of a MOCK integration made no JSON: %w", err)}
	}
	status, err := request.Status.Int64()
	if err != nil || status < 100 || status > 599 {
		return nil, &failure{http.StatusInternalServerError, messageInternal, fmt.Errorf("the request template of a MOCK integration has no statusCode")}
	}
	return &answer{status: int(status)}, nil
}
