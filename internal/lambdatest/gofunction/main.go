// Command gofunction is a Lambda function in Go, in AWS's own runtime for it. Tests run it
// by lambdatest. What it does is up to the member "do" of the query of its event:
//
//   - "" answers with the event,
//   - "stream" streams so many parts as "parts" says, each with "size" dots; where "wait" is
//     a URL, each but the first when that has answered,
//   - "die" streams one part and fails,
//   - "fail" fails before it streams anything.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(handle) }

func handle(_ context.Context, event json.RawMessage) (any, error) {
	var request events.APIGatewayProxyRequest
	if err := json.Unmarshal(event, &request); err != nil {
		return nil, err
	}
	query := request.QueryStringParameters
	switch query["do"] {
	case "stream", "die":
		in, out := io.Pipe()
		go stream(out, query)
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: http.StatusAccepted, Headers: map[string]string{"Content-Type": "text/event-stream", "X-Function": "go"},
			Cookies: []string{"a=1", "b=2"}, Body: in,
		}, nil
	case "fail":
		return nil, errors.New("so it was asked")
	}
	return events.APIGatewayProxyResponse{StatusCode: http.StatusOK, Body: string(event)}, nil
}

// stream writes the parts.
func stream(out *io.PipeWriter, query map[string]string) {
	parts, _ := strconv.Atoi(query["parts"])
	size, _ := strconv.Atoi(query["size"])
	client := &http.Client{Timeout: time.Minute}
	for i := range parts {
		if wait := query["wait"]; wait != "" && i > 0 {
			answer, err := client.Get(wait)
			if err != nil {
				out.CloseWithError(err)
				return
			}
			answer.Body.Close()
		}
		if _, err := fmt.Fprintf(out, "part %d%s\n", i+1, strings.Repeat(".", size)); err != nil {
			return
		}
	}
	if query["do"] == "die" {
		out.CloseWithError(errors.New("died in the middle"))
		return
	}
	out.Close()
}
