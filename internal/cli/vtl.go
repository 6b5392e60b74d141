package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
)

// maxSampleBytes bounds a body to try a template with, as AWS bounds payloads.
const maxSampleBytes = 10 << 20

// sample is the request that a template is tried on.
type sample struct {
	body                                          string
	headers, queries, paths, contexts, stageNames []string
}

func newVTL() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "vtl TEMPLATE",
		GroupID: groupWork,
		Short:   "Try a mapping template on a sample request",
		Long: "Vtl renders a mapping template as an integration would, and prints the output. What\n" +
			"the template overrides is told on the error output. Parameters that are not given are\n" +
			"missing, and a body that is not given is empty. In the place of a file, - is the\n" +
			"standard input.",
		Example: "  gatehouse vtl - --body '{\"id\": 7}' <<< '{\"order\": $input.json(\"$.id\")}'\n" +
			"  gatehouse vtl - --query q=shoes --context stage=v1 <<< '$context.stage: $input.params(\"q\")'\n" +
			"  gatehouse vtl - -o json <<< '#set($context.responseOverride.status = 404)'",
		Args: args(cobra.MatchAll(cobra.ExactArgs(1))),
	}
	var s sample
	flags := cmd.Flags()
	flags.StringVar(&s.body, "body", "", "body of the request, or of the integration's answer; @FILE reads it")
	flags.StringArrayVar(&s.headers, "header", nil, "header as NAME: VALUE, several times for several")
	flags.StringArrayVar(&s.queries, "query", nil, "query parameter as NAME=VALUE")
	flags.StringArrayVar(&s.paths, "path", nil, "path variable as NAME=VALUE")
	flags.StringArrayVar(&s.contexts, "context", nil, "member of $context as NAME=VALUE, such as identity.sourceIp=192.0.2.1")
	flags.StringArrayVar(&s.stageNames, "stage-variable", nil, "stage variable as NAME=VALUE")
	output := choiceFlag(cmd, "output", "o", "output format", "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := s.input()
		if err != nil {
			return err
		}
		source, err := readBounded(cmd.InOrStdin(), args[0], vtl.MaxTemplateBytes)
		if err != nil {
			return err
		}
		template, problems := vtl.Parse(source)
		ds := templateDiagnostics(args[0], problems)
		var rendered vtl.Output
		if template != nil {
			rendered, err = template.Render(cmd.Context(), in, vtl.Limits{})
			ds = append(ds, renderDiagnostics(args[0], err)...)
		}
		if err := printDiagnostics(cmd.ErrOrStderr(), ds); err != nil {
			return err
		}
		if ds.HasErrors() {
			return errReported
		}
		if output.value == "json" {
			return writeJSON(cmd.OutOrStdout(), renderedJSON(rendered))
		}
		return writeRendered(cmd.OutOrStdout(), cmd.ErrOrStderr(), rendered)
	}
	return cmd
}

// readBounded reads a file, or in for -.
func readBounded(in io.Reader, name string, limit int) (string, error) {
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", name, plainReason(err))
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, int64(limit)+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, plainReason(err))
	}
	if len(text) > limit {
		return "", fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return string(text), nil
}

// plainReason is an error without the path that is told beside it.
func plainReason(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// input turns flags into what a template is rendered with.
func (s *sample) input() (vtl.Input, error) {
	var in vtl.Input
	var wrong []error
	var err error
	if in.Body, err = s.readBody(); err != nil {
		return in, err
	}
	for _, list := range []struct {
		flag, separator string
		given           []string
		to              *vtl.Params
	}{
		{"--header", ":", s.headers, &in.Header}, {"--query", "=", s.queries, &in.QueryString},
		{"--path", "=", s.paths, &in.Path}, {"--stage-variable", "=", s.stageNames, &in.StageVariables},
	} {
		var pairs []vtl.Pair
		for _, given := range list.given {
			name, value, ok := strings.Cut(given, list.separator)
			if !ok || name == "" {
				wrong = append(wrong, fmt.Errorf("%s must be NAME%sVALUE, not %q", list.flag, list.separator, given))
				continue
			}
			if list.separator == ":" {
				value = strings.TrimSpace(value)
			}
			pairs = append(pairs, vtl.Pair{Name: name, Value: value})
		}
		*list.to = vtl.Pairs(pairs...)
	}
	variables := vtl.NewMap(len(s.contexts))
	for _, given := range s.contexts {
		if err := putNested(variables, given); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return in, usagef("%w", errors.Join(wrong...))
	}
	in.Context = func() *vtl.Map { return variables }
	return in, nil
}

func (s *sample) readBody() (string, error) {
	name, isFile := strings.CutPrefix(s.body, "@")
	if !isFile {
		return s.body, nil
	}
	return readBounded(nil, name, maxSampleBytes)
}

// putNested sets a.b.c=value in maps inside maps.
func putNested(m *vtl.Map, given string) error {
	name, value, ok := strings.Cut(given, "=")
	words := strings.Split(name, ".")
	for _, word := range words {
		ok = ok && word != ""
	}
	if !ok {
		return fmt.Errorf("--context must be NAME=VALUE, such as identity.sourceIp=192.0.2.1, not %q", given)
	}
	for _, word := range words[:len(words)-1] {
		inner, there := m.Get(word)
		if !there {
			inner = vtl.NewMap(1)
			m.Put(word, inner)
		}
		if m, ok = inner.(*vtl.Map); !ok {
			return fmt.Errorf("--context %s: %s already has a value of its own", given, word)
		}
	}
	last := words[len(words)-1]
	if before, there := m.Get(last); there {
		if _, isMap := before.(*vtl.Map); isMap {
			return fmt.Errorf("--context %s: %s already has members", given, last)
		}
	}
	m.Put(last, value)
	return nil
}

func templateDiagnostics(file string, problems []vtl.Problem) gateway.Diagnostics {
	var ds gateway.Diagnostics
	for _, p := range problems {
		severity := gateway.Error
		if p.Warning {
			severity = gateway.Warning
		}
		ds = append(ds, gateway.Diagnostic{
			Severity: severity, Code: p.Code, Message: p.Message, Hint: p.Hint,
			Pos: gateway.Position{File: file, Line: p.Line, Column: p.Column},
		})
	}
	return ds
}

// renderDiagnostics tells why a template that is well written could not be rendered.
func renderDiagnostics(file string, err error) gateway.Diagnostics {
	if err == nil {
		return nil
	}
	d := gateway.Diagnostic{Code: "template-failed", Message: err.Error(), Pos: gateway.Position{File: file}}
	var at *vtl.Error
	if errors.As(err, &at) {
		d.Message, d.Pos.Line, d.Pos.Column = at.Message, at.Line, at.Column
	}
	return gateway.Diagnostics{d}
}

// writeRendered writes the output, ended by a line end, and the overrides apart.
func writeRendered(out, talk io.Writer, rendered vtl.Output) error {
	text := rendered.Text
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if _, err := io.WriteString(out, text); err != nil {
		return err
	}
	request, response := rendered.Overrides.Request, rendered.Overrides.Response
	for _, list := range []struct {
		what  string
		pairs []vtl.Pair
	}{
		{"request header", request.Header}, {"request querystring", request.QueryString}, {"request path", request.Path},
		{"response header", response.Header},
	} {
		for _, p := range list.pairs {
			if _, err := fmt.Fprintf(talk, "override: %s %s: %s\n", list.what, p.Name, p.Value); err != nil {
				return err
			}
		}
	}
	if request.WholePath != "" {
		if _, err := fmt.Fprintf(talk, "override: request path: %s\n", request.WholePath); err != nil {
			return err
		}
	}
	if response.Status != 0 {
		if _, err := fmt.Fprintf(talk, "override: response status: %d\n", response.Status); err != nil {
			return err
		}
	}
	return nil
}

// outputJSON is what vtl prints with -o json.
type outputJSON struct {
	Output           string                `json:"output"`
	RequestOverride  *requestOverrideJSON  `json:"requestOverride,omitempty"`
	ResponseOverride *responseOverrideJSON `json:"responseOverride,omitempty"`
}

type requestOverrideJSON struct {
	Header      map[string][]string `json:"header,omitempty"`
	QueryString map[string][]string `json:"querystring,omitempty"`
	// Path is the variables, or the whole path.
	Path any `json:"path,omitempty"`
}

type responseOverrideJSON struct {
	Header map[string][]string `json:"header,omitempty"`
	Status int                 `json:"status,omitempty"`
}

func renderedJSON(rendered vtl.Output) outputJSON {
	out := outputJSON{Output: rendered.Text}
	request, response := rendered.Overrides.Request, rendered.Overrides.Response
	if len(request.Header)+len(request.QueryString)+len(request.Path) > 0 || request.WholePath != "" {
		out.RequestOverride = &requestOverrideJSON{Header: valuesOf(request.Header), QueryString: valuesOf(request.QueryString)}
		if request.WholePath != "" {
			out.RequestOverride.Path = request.WholePath
		} else if len(request.Path) > 0 {
			out.RequestOverride.Path = valuesOf(request.Path)
		}
	}
	if len(response.Header) > 0 || response.Status != 0 {
		out.ResponseOverride = &responseOverrideJSON{Header: valuesOf(response.Header), Status: response.Status}
	}
	return out
}

func valuesOf(pairs []vtl.Pair) map[string][]string {
	if len(pairs) == 0 {
		return nil
	}
	values := map[string][]string{}
	for _, p := range pairs {
		values[p.Name] = append(values[p.Name], p.Value)
	}
	return values
}
