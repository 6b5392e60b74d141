package integration

import "gatehouse/gateway"

// mock is no backend at all: the request template says the status that chooses a response.
// Envoy serves those whose templates are plain.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
type mock struct{}

func (mock) call(_ *mapping, out *outgoing) (*incoming, *trouble) {
	if !out.templated {
		return &incoming{json: true}, nil
	}
	status, err := gateway.MockStatus(string(out.body))
	if err != nil {
		return nil, &trouble{failure: badTemplate, reason: err.Error()}
	}
	return &incoming{selector: status, selects: true, json: true}, nil
}
