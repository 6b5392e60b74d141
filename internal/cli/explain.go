package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/explain"
	"gatehouse/gateway"
)

// maxExplainedBody bounds the body of a question.
const maxExplainedBody = 10 << 20

// explaining is a question from the command line.
type explaining struct {
	files                  []string
	server, requestID      string
	gateway, method, body  string
	source                 string
	headers                []string
	canary                 bool
	output                 *choice
	methodGiven, bodyGiven bool
}

func newExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "explain [URL]",
		GroupID: groupWork,
		Short:   "Tell why a request is answered as it is",
		Long: "Explain tells which gateway, stage and route a request comes to, what they ask of\n" +
			"callers and whether it has that, which limits there are, where it goes, and what the\n" +
			"client gets; each with the line of the definitions that says so. What only a running\n" +
			"gateway can know is marked with a question mark.\n\n" +
			"The request is one that is only thought of, on definitions in files or as a server has\n" +
			"them; or, by --request-id, one of the last that were made: its id is in the response\n" +
			"header x-amzn-requestid or apigw-requestid. It ends with 0, with 1 if the gateway\n" +
			"itself certainly answers with an error, or if nothing can be told, and with 2 if the\n" +
			"question makes no sense.",
		Example: "  gatehouse explain -f gatehouse.yaml http://petstore.execute-api.localhost/v1/pets/7\n" +
			"  gatehouse explain -f gatehouse.yaml -X POST -H 'x-api-key: secret' http://localhost:8080/_aws/execute-api/petstore/v1/pets\n" +
			"  gatehouse explain --server http://127.0.0.1:8001 http://petstore.execute-api.localhost/v1/pets\n" +
			"  gatehouse explain --request-id 7d3a0c1e-3f0f-4d5e-9a59-2f6f9c2b8f11",
		Args: func(_ *cobra.Command, words []string) error {
			if len(words) > 1 {
				return usagef("one URL is explained; name definitions with -f")
			}
			return nil
		},
	}
	var x explaining
	flags := cmd.Flags()
	flags.StringArrayVarP(&x.files, "file", "f", nil, "file or folder with the definitions; may be repeated")
	flags.StringVar(&x.server, "server", "http://127.0.0.1:8001", "a running server's --http-address, as a URL, to ask in place of files")
	flags.StringVar(&x.requestID, "request-id", "", "a request that was made, by the id that its response had")
	flags.StringVar(&x.gateway, "gateway", "", "gateway that the request comes to (default the one that serves its host)")
	flags.StringVarP(&x.method, "request", "X", "GET", "method")
	flags.StringArrayVarP(&x.headers, "header", "H", nil, "header 'NAME: VALUE'; may be repeated")
	flags.StringVarP(&x.body, "data", "d", "", "body, or @FILE")
	flags.StringVar(&x.source, "source", "", "the client's address, for resource policies")
	flags.BoolVar(&x.canary, "canary", false, "tell of the part of the requests that goes to the stage's canary")
	x.output = choiceFlag(cmd, "output", "o", "output format", "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		x.methodGiven, x.bodyGiven = flags.Changed("request"), flags.Changed("data")
		e, err := x.explain(cmd, args)
		if err != nil {
			return err
		}
		if x.output.value == "json" {
			err = writeJSON(cmd.OutOrStdout(), e)
		} else {
			for _, line := range e.Lines() {
				if _, err = fmt.Fprintln(cmd.OutOrStdout(), printable(line)); err != nil {
					break
				}
			}
		}
		if err == nil && e.Refused() {
			return errReported
		}
		return err
	}
	return cmd
}

func (x *explaining) explain(cmd *cobra.Command, args []string) (*explain.Explanation, error) {
	if x.requestID != "" {
		if len(args) > 0 || len(x.files) > 0 {
			return nil, usagef("--request-id is about a request that was made: it takes no URL and no files")
		}
		return x.askAbout(cmd.Context())
	}
	if len(args) == 0 {
		return nil, usagef("give the URL of a request, or --request-id")
	}
	q, err := x.question(args[0], cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	var s *gateway.Snapshot
	if len(x.files) > 0 {
		s, err = loadFiles(cmd, x.files)
	} else {
		s, err = askServed(cmd.Context(), x.server)
	}
	if err != nil {
		return nil, err
	}
	explaining := startProgress(cmd, "explaining")
	defer explaining.end()
	var wrong error
	e, err := computed(cmd.Context(), func() (e *explain.Explanation) {
		e, wrong = explain.Offline(s, q)
		return e
	})
	var unservable *explain.UnservableError
	switch {
	case err != nil:
		return nil, err
	case errors.As(wrong, &unservable):
		if err := printDiagnostics(cmd.ErrOrStderr(), unservable.Problems); err != nil {
			return nil, err
		}
		return nil, errReported
	case wrong != nil:
		return nil, usagef("%w", wrong)
	}
	return e, nil
}

func (x *explaining) question(target string, stdin io.Reader) (explain.Question, error) {
	q := explain.Question{Gateway: x.gateway, Method: x.method, URL: target, Header: http.Header{}, Canary: x.canary}
	for _, h := range x.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return q, usagef("--header is 'NAME: VALUE', not %q", h)
		}
		q.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if x.source != "" {
		address, err := netip.ParseAddr(x.source)
		if err != nil {
			return q, usagef("--source is an address, such as 192.0.2.7: %w", err)
		}
		q.Source = address
	}
	if !x.bodyGiven {
		return q, nil
	}
	if !x.methodGiven {
		q.Method = http.MethodPost // as curl does
	}
	q.Body = []byte(x.body)
	if name, ok := strings.CutPrefix(x.body, "@"); ok {
		in := stdin
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return q, err
			}
			defer f.Close()
			in = f
		}
		var err error
		if q.Body, err = io.ReadAll(io.LimitReader(in, maxExplainedBody)); err != nil {
			return q, err
		}
	}
	return q, nil
}

// askAbout asks a server about a request that was made.
func (x *explaining) askAbout(ctx context.Context) (*explain.Explanation, error) {
	body, err := askServer(ctx, x.server, "explain", url.Values{"request": {x.requestID}})
	if err != nil {
		return nil, err
	}
	e := &explain.Explanation{}
	if err := json.Unmarshal(body, e); err != nil {
		return nil, fmt.Errorf("%s did not answer as a gatehouse server does: %w", x.server, err)
	}
	return e, nil
}

// explainRequest tells what became of a request, by its id in the parameter request.
func (c *controlPlane) explainRequest(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("request")
	switch {
	case id == "":
		answer(w, http.StatusBadRequest, "the parameter request is missing: a request's id")
		return
	case !c.writable:
		answer(w, http.StatusForbidden, "requests are explained where the --http-address is this machine's only; elsewhere the dashboard does, to those who may see it")
		return
	case c.history == nil:
		answer(w, http.StatusNotFound, "this process has not the role telemetry, so that it knows of no requests")
		return
	}
	found, ok := c.history.Request(id)
	if !ok {
		answer(w, http.StatusNotFound, "that request is not among the last that Envoys told about: gateways need 'telemetry: true', and it takes a second")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = writeJSON(w, explain.Happened(c.pipeline.Snapshot(), found))
}
