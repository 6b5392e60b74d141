package vtl

// builtin is what a variable stands for before a template sets it.
type builtin uint8

const (
	noBuiltin builtin = iota
	inputBuiltin
	utilBuiltin
	contextBuiltin
	stageVariablesBuiltin
)

var builtins = map[string]builtin{
	"input": inputBuiltin, "util": utilBuiltin, "context": contextBuiltin, "stageVariables": stageVariablesBuiltin,
}

type (
	inputObject struct{}
	utilObject  struct{}
)

func (s *state) builtin(b builtin) any {
	switch b {
	case inputBuiltin:
		return &inputObject{}
	case utilBuiltin:
		return &utilObject{}
	case contextBuiltin:
		return s.contextScope()
	default:
		if s.stage == nil {
			s.stage = pairsMap(s.input.StageVariables.once())
		}
		return s.stage
	}
}

var inputMethods = []string{"json", "path", "params", "getBody"}

// bodyText is $input.body, for which a body without anything in it is {}.
func (s *state) bodyText() string {
	if s.input.Body == "" {
		return "{}"
	}
	return s.input.Body
}

// readBody parses the body when it is first asked for.
func (s *state) readBody(at int) (any, bool) {
	if s.bodyRead {
		return s.body, true
	}
	text := s.bodyText()
	if !s.grow(at, len(text)) {
		return nil, false
	}
	v, err := parseJSON(text)
	if err != nil {
		s.fail(at, ErrBody, "the body is not JSON: %v", err)
		return nil, false
	}
	s.body, s.bodyRead = v, true
	return v, true
}

func (s *state) callInput(a *access, args []any) any {
	switch a.name {
	case "getBody":
		if len(args) == 0 {
			return s.bodyText()
		}
	case "params":
		return s.callParams(args)
	case "json", "path":
		path, ok := s.pathOf(a, args)
		if !ok {
			return notFound
		}
		body, ok := s.readBody(a.at)
		if !ok {
			return nil
		}
		found, ok := path.find(&pathRun{s: s, at: a.at, root: body}, body)
		if s.err != nil {
			return nil
		}
		if a.name == "path" {
			return found
		}
		if !ok {
			return `""`
		}
		text := string(s.json(a.at, nil, found, jsonPlain))
		s.grow(a.at, len(text))
		return text
	}
	return notFound
}

// pathOf is the JSONPath that is asked for.
func (s *state) pathOf(a *access, args []any) (*jsonPath, bool) {
	if path, ok := a.compiled.(*jsonPath); ok {
		return path, true
	}
	text, ok := only[string](args)
	if !ok || !s.step(a.at, 20+len(text)) {
		return nil, false
	}
	path, err := parsePath(text)
	if err != nil {
		s.fail(a.at, ErrValue, "the JSONPath cannot be used: %v", err)
		return nil, false
	}
	return path, true
}

// The kinds of parameters, in the order in which params('name') looks for one.
var paramKinds = [3]string{"path", "querystring", "header"}

const headerKind = 2

func (s *state) paramMap(kind int) *Map {
	if s.params[kind] == nil {
		s.params[kind] = pairsMap([3]Params{s.input.Path, s.input.QueryString, s.input.Header}[kind].once())
		s.params[kind].anyCase = kind == headerKind
	}
	return s.params[kind]
}

// pairsMap has the last value of each name, in the place of the first.
func pairsMap(pairs []Pair) *Map {
	m := NewMap(len(pairs))
	for _, p := range pairs {
		m.putName(p.Name, p.Value)
	}
	return m
}

func (s *state) callParams(args []any) any {
	switch len(args) {
	case 0:
		if s.allParams == nil {
			s.allParams = NewMap(len(paramKinds))
			for kind, name := range paramKinds {
				s.allParams.putName(name, s.paramMap(kind))
			}
		}
		return s.allParams
	case 1:
		name, ok := args[0].(string)
		if !ok {
			return notFound
		}
		for kind, of := range paramKinds {
			if name == of {
				return s.paramMap(kind)
			}
		}
		return s.param(name)
	}
	return notFound
}

// param looks for a parameter in the path, the query and the header. Proxies write
// the names of headers as they like, so those are found in any spelling.
func (s *state) param(name string) any {
	for kind := range paramKinds {
		if value, ok := s.paramMap(kind).Get(name); ok {
			return value
		}
	}
	return ""
}
