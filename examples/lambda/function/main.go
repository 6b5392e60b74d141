// Command function is a Lambda function that runs without Lambda as well. In Lambda's
// environment it asks Lambda's runtime for events; else it serves them by HTTP, as
// Gatehouse sends them to the URL of a function.
package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(handle)
		return
	}
	addr := flag.String("addr", "127.0.0.1:9401", "where to take events")
	flag.Parse()
	secret := os.Getenv("FUNCTION_SECRET")
	if secret == "" {
		secret = "function-example-secret"
	}
	server := &http.Server{Addr: *addr, Handler: webhook{secret}, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// request is what both formats of events have in common, and where they differ.
type request struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	Resource              string            `json:"resource"`
	HTTPMethod            string            `json:"httpMethod"`
	QueryStringParameters map[string]string `json:"queryStringParameters"`
	PathParameters        map[string]string `json:"pathParameters"`
	StageVariables        map[string]string `json:"stageVariables"`
	Body                  string            `json:"body"`
}

type order struct {
	ID       string `json:"id"`
	Item     string `json:"item"`
	Count    int    `json:"count"`
	Currency string `json:"currency,omitempty"`
}

// handle is the function.
func handle(_ context.Context, event json.RawMessage) (any, error) {
	var r request
	if err := json.Unmarshal(event, &r); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	key := r.RouteKey
	if r.Version != "2.0" {
		key = r.HTTPMethod + " " + r.Resource
	}
	switch key {
	case "GET /orders/{id}":
		return answer(http.StatusOK, order{r.PathParameters["id"], "coffee", 1, r.StageVariables["currency"]})
	case "POST /orders":
		var o order
		if err := json.Unmarshal([]byte(r.Body), &o); err != nil || o.Item == "" || o.Count < 1 {
			return answer(http.StatusBadRequest, map[string]string{"message": "an order has an item and a count"})
		}
		o.ID, o.Currency = "8", r.StageVariables["currency"]
		return answer(http.StatusCreated, o)
	case "GET /countdown":
		return countdown(r.QueryStringParameters["from"]), nil
	}
	return nil, fmt.Errorf("there is nothing for %s", key)
}

func answer(status int, body any) (any, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return events.APIGatewayProxyResponse{StatusCode: status, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(text)}, nil
}

// countdown is an answer that takes a while.
func countdown(text string) io.Reader {
	from, err := strconv.Atoi(text)
	if err != nil || from < 0 || from > 60 {
		from = 3
	}
	in, out := io.Pipe()
	go func() {
		defer out.Close()
		for i := from; i >= 0; i-- {
			if _, err := fmt.Fprintf(out, "data: %d\n\n", i); err != nil {
				return // Nobody listens any more.
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	return &events.LambdaFunctionURLStreamingResponse{Headers: map[string]string{"Content-Type": "text/event-stream"}, Body: in}
}

// webhook calls the function with the events of POST requests that show the secret.
type webhook struct{ secret string }

const maxEventBytes = 6 << 20

func (h webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+h.secret)) != 1 {
		http.Error(w, "this is for the gateway", http.StatusForbidden)
		return
	}
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEventBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result, err := handle(r.Context(), event)
	if err != nil {
		// As Lambda's runtimes report it.
		result = map[string]string{"errorMessage": err.Error(), "errorType": "Error"}
	}
	stream, ok := result.(io.Reader)
	if !ok {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(result); err != nil {
			log.Print(err)
		}
		return
	}
	if closer, ok := stream.(io.Closer); ok {
		defer closer.Close()
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := stream.Read(buffer)
		if _, failed := w.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
	}
}
