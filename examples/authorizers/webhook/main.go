// Command webhook is the function behind the example's Lambda authorizers. It knows
// three tokens, and answers both kinds of events:
//
//	Bearer acme-reader    of tenant acme, may read
//	Bearer acme-writer    of tenant acme, may do anything
//	Bearer out-of-order   makes the function fail
//
// Here it is a web server that is sent the event and answers with the result. Started
// by Lambda, as the file "bootstrap" of a function with the runtime provided.al2023, it
// asks Lambda for the events instead:
//
//	GOOS=linux CGO_ENABLED=0 go build -o bootstrap ./examples/authorizers/webhook
package main

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	run := serve
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		run = poll
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
}

// event is what is looked at of either kind of event.
type event struct {
	Type string `json:"type"`
	// Of a TOKEN authorizer.
	Token     string `json:"authorizationToken"`
	MethodARN string `json:"methodArn"`
	// Of a REQUEST authorizer with payload format 2.0.
	Version        string `json:"version"`
	Headers        map[string]string
	RequestContext struct {
		HTTP struct{ Method string }
	}
}

type caller struct {
	name, tenant string
	writes       bool
}

var callers = map[string]caller{
	"Bearer acme-reader": {"robin", "acme", false},
	"Bearer acme-writer": {"wanda", "acme", true},
}

// errUnauthorized is the one text that makes the gateway answer 401. Any other error
// of a function is a 500.
var errUnauthorized = errors.New("Unauthorized") //nolint:staticcheck // Amazon's spelling.

// authorize gives the answer to an event.
func authorize(text []byte) (any, error) {
	var e event
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	token := cmp.Or(e.Token, e.Headers["authorization"])
	who, known := callers[token]
	switch {
	case token == "Bearer out-of-order":
		return nil, errors.New("the store of tokens is out of order")
	case e.Version == "2.0":
		may := known && (who.writes || e.RequestContext.HTTP.Method == http.MethodGet)
		return map[string]any{"isAuthorized": may, "context": map[string]any{"tenant": who.tenant}}, nil
	case e.Type != "TOKEN":
		return nil, fmt.Errorf("an event of type %q is not expected", e.Type)
	case !known:
		return nil, errUnauthorized
	}
	// The answer is kept for the token, whatever it is used for next. So the policy
	// says all that its owner may do, not only what this request is about.
	// The ARN is API/STAGE/METHOD/PATH.
	api, rest, _ := strings.Cut(e.MethodARN, "/")
	stage, _, _ := strings.Cut(rest, "/")
	resource := api + "/" + stage + "/GET/*"
	if who.writes {
		resource = api + "/" + stage + "/*"
	}
	return map[string]any{
		"principalId": who.name,
		"policyDocument": map[string]any{
			"Version":   "2012-10-17",
			"Statement": []any{map[string]any{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}},
		},
		"context": map[string]any{"tenant": who.tenant},
	}, nil
}

// failure is how a function reports an error, here and at Lambda.
func failure(err error) map[string]string {
	return map[string]string{"errorMessage": err.Error(), "errorType": "Error"}
}

// serve is the webhook.
func serve() error {
	addr := flag.String("addr", "127.0.0.1:9301", "address to listen on")
	flag.Parse()
	secret := "Bearer " + cmp.Or(os.Getenv("WEBHOOK_SECRET"), "webhook-example-secret")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		// Who can call the function can try out tokens.
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(secret)) != 1 {
			http.Error(w, "the secret is missing or wrong", http.StatusForbidden)
			return
		}
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "the event is too large", http.StatusRequestEntityTooLarge)
			return
		}
		answer, err := authorize(text)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			answer = failure(err)
		}
		slog.Info("asked", "error", err)
		// The gateway has gone when this fails; there is nobody left to tell.
		_ = json.NewEncoder(w).Encode(answer)
	})
	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done <- server.Shutdown(grace)
	}()
	slog.Info("webhook is listening", "addr", *addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

// poll takes events from Lambda, one after the other, as long as Lambda lets it live.
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func poll() error {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(base + "next")
		if err != nil {
			return err
		}
		text, err := io.ReadAll(next.Body)
		next.Body.Close()
		if err != nil {
			return err
		}
		if next.StatusCode != http.StatusOK {
			return fmt.Errorf("asking for an event: %s", next.Status)
		}
		answer, err := authorize(text)
		outcome := "/response"
		if err != nil {
			answer, outcome = failure(err), "/error"
		}
		result, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		taken, err := http.Post(base+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+outcome, "application/json", strings.NewReader(string(result)))
		if err != nil {
			return err
		}
		taken.Body.Close()
		if taken.StatusCode != http.StatusAccepted {
			return fmt.Errorf("giving the answer: %s", taken.Status)
		}
	}
}
