package source

import (
	"regexp"
	"strings"

	"gatehouse/gateway"
)

// Secret reads text that must stay hidden and, where it is written, not be empty:
// inline, by ${NAME}, or as {file: path} whose content is taken without its last line
// break. Absent and null give "".
func (v Value) Secret() gateway.Secret {
	if v.IsNull() {
		return ""
	}
	if !v.IsObject() {
		return gateway.Secret(v.NonEmpty())
	}
	content := v.FileContent()
	text := strings.TrimRight(string(content), "\r\n")
	if content != nil && text == "" {
		v.Errorf("empty-value", "", "the file of %s is empty", v.name())
	}
	return gateway.Secret(text)
}

// FileContent reads {file: path}.
func (v Value) FileContent() []byte {
	o := v.Object()
	ref := o.Get("file")
	o.Done()
	if !ref.Exists() {
		v.Errorf("missing-key", "write {file: path}", "%s has no file", v.name())
		return nil
	}
	return ref.ReadFile()
}

// maxPath is longer than any operating system's paths.
const maxPath = 4096

// ReadFile reads the file that the value names, relative to the document.
func (v Value) ReadFile() []byte {
	before := v.doc.errors
	name := v.Text()
	switch {
	case v.doc.errors > before:
		return nil
	case name == "":
		v.Errorf("empty-value", "", "%s must name a file", v.name())
		return nil
	case v.doc.Env.ReadFile == nil:
		v.Errorf("file-not-allowed", "", "files cannot be referred to here")
		return nil
	case len(name) > maxPath || strings.ContainsAny(name, "\n\r\x00"):
		v.Errorf("unreadable-file", "", "%s does not name a file", v.name())
		return nil
	}
	data, err := v.doc.Env.ReadFile(name)
	switch {
	case err == nil:
	case v.isInterpolated():
		// The variable may hold the secret itself in place of a file's name, so
		// neither it nor an error that repeats it is shown.
		v.Errorf("unreadable-file", "", "cannot read the file that %s names", clip(v.Raw()))
		return nil
	default:
		v.Errorf("unreadable-file", "", "cannot read %s: %v", clip(name), err)
		return nil
	}
	return data
}

var variablePattern = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// isInterpolated reports whether a part of the text comes from the environment.
func (v Value) isInterpolated() bool {
	return v.doc.Env.Variable != nil && strings.Contains(variablePattern.FindString(strings.ReplaceAll(v.Raw(), "$$", "")), "{")
}

// interpolate replaces ${NAME} and ${NAME:-default}; $$ is a plain dollar sign. The
// second result is false if a variable is not set, which is reported.
func (v Value) interpolate(text string) (string, bool) {
	if v.doc.Env.Variable == nil || !strings.Contains(text, "$") {
		return text, true
	}
	whole := true
	text = variablePattern.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		m := variablePattern.FindStringSubmatch(match)
		if value, ok := v.doc.Env.Variable(m[1]); ok {
			return value
		}
		if m[2] != "" {
			return m[3]
		}
		v.Errorf("unset-variable", "set it, or write ${"+m[1]+":-default}", "the environment variable %s is not set", m[1])
		whole = false
		return ""
	})
	return text, whole
}
