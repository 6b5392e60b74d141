package websocket

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"gatehouse/integration/vtl"
)

// mock is a MOCK integration: its answer has the status that its template says, and no
// body.
type mock struct {
	templates *templates
}

func (m *mock) invoke(ctx context.Context, e *event) (*answer, error) {
	out, err := m.templates.render(ctx, e, e.body, vtl.Overrides{})
	if err != nil {
		return nil, &failure{http.StatusInternalServerError, messageInternal, err}
	}
	var request struct {
		Status json.Number `json:"statusCode"`
	}
	if err := json.Unmarshal([]byte(out.Text), &request); err != nil {
		return nil, &failure{http.StatusInternalServerError, messageInternal, fmt.Errorf("the request template of a MOCK integration made no JSON: %w", err)}
	}
	status, err := request.Status.Int64()
	if err != nil || status < 100 || status > 599 {
		return nil, &failure{http.StatusInternalServerError, messageInternal, fmt.Errorf("the request template of a MOCK integration has no statusCode")}
	}
	return &answer{status: int(status), overrides: out.Overrides}, nil
}
