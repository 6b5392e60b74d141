package portal

import (
	"bytes"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	source "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown renders what owners write on pages. HTML in it is left out, and so is whatever
// would load something: pages are the portal's own, and what stands there is a consumer's
// to trust.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(tame{}, 1000))),
)

// prose renders Markdown as HTML that may stand on a page.
func prose(written string) (template.HTML, error) {
	var out bytes.Buffer
	if err := markdown.Convert([]byte(written), &out); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil //nolint:gosec // rendered without the HTML that was written
}

// tame is applied to what was parsed.
type tame struct{}

// Transform has headings follow on the page's own, links lead to what a browser may be
// sent to, and pictures be links.
func (tame) Transform(document *ast.Document, reader source.Reader, _ parser.Context) {
	var pictures []*ast.Image
	var links []ast.Node
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+1, 6)
		case *ast.Image:
			pictures = append(pictures, n)
		case *ast.Link:
			if !harmless(string(n.Destination)) {
				links = append(links, n)
			}
		case *ast.AutoLink:
			if n.AutoLinkType == ast.AutoLinkURL && !harmless(string(n.URL(reader.Source()))) {
				links = append(links, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, picture := range pictures {
		replacement := ast.Node(ast.NewTextBlock())
		if harmless(string(picture.Destination)) {
			link := ast.NewLink()
			link.Destination, replacement = picture.Destination, link
		}
		replace(picture, replacement)
	}
	for _, n := range links {
		if auto, ok := n.(*ast.AutoLink); ok {
			n.Parent().ReplaceChild(n.Parent(), n, ast.NewString(escaped(auto.Label(reader.Source()))))
			continue
		}
		unlink(n)
	}
}

// replace puts another node in the place of one, with what was in it.
func replace(old, other ast.Node) {
	if _, ok := other.(*ast.Link); !ok {
		unlink(old)
		return
	}
	for child := old.FirstChild(); child != nil; child = old.FirstChild() {
		other.AppendChild(other, child)
	}
	old.Parent().ReplaceChild(old.Parent(), old, other)
}

// unlink leaves what was in a node, without it.
func unlink(n ast.Node) {
	for child := n.FirstChild(); child != nil; child = n.FirstChild() {
		n.Parent().InsertBefore(n.Parent(), n, child)
	}
	n.Parent().RemoveChild(n.Parent(), n)
}

func escaped(label []byte) []byte { return []byte(template.HTMLEscapeString(string(label))) }

// harmless reports whether a browser may be sent somewhere: to another site, to who reads
// mail, or to a place on the same page.
func harmless(destination string) bool {
	if strings.HasPrefix(destination, "#") {
		return true
	}
	u, err := url.Parse(destination)
	return err == nil && slices.Contains([]string{"http", "https", "mailto"}, strings.ToLower(u.Scheme))
}
