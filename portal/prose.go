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
	// It was rendered without the HTML that was written.
	return template.HTML(scrolled.Replace(out.String())), nil
}

// scrolled has what may be wider than a page be moved by the keyboard, too. Of what was
// written, no tag is left that looks like these.
var scrolled = strings.NewReplacer("<pre>", `<pre tabindex="0">`, "<table>", `<div class="wide" tabindex="0"><table>`, "</table>", "</table></div>")

// tame is applied to what was parsed.
type tame struct{}

// Transform has headings follow on the page's own, links lead to what a browser may be
// sent to, and pictures be links.
func (tame) Transform(document *ast.Document, reader source.Reader, _ parser.Context) {
	var pictures []*ast.Image
	var links []ast.Node
	var headings []*ast.Heading
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			headings = append(headings, n)
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
	level(headings)
	for _, picture := range pictures {
		if harmless(string(picture.Destination)) && !linked(picture) {
			link := ast.NewLink()
			link.Destination = picture.Destination
			picture.Parent().InsertBefore(picture.Parent(), picture, link)
			for child := picture.FirstChild(); child != nil; child = picture.FirstChild() {
				link.AppendChild(link, child)
			}
		}
		unlink(picture)
	}
	for _, n := range links {
		if auto, ok := n.(*ast.AutoLink); ok {
			label := template.HTMLEscapeString(string(auto.Label(reader.Source())))
			n.Parent().ReplaceChild(n.Parent(), n, ast.NewString([]byte(label)))
			continue
		}
		unlink(n)
	}
}

// linked reports whether something is within a link already.
func linked(n ast.Node) bool {
	for above := n.Parent(); above != nil; above = above.Parent() {
		if above.Kind() == ast.KindLink {
			return true
		}
	}
	return false
}

// level has headings begin below the page's own, and go down by one at most: who cannot see
// a page finds the way by them.
func level(headings []*ast.Heading) {
	highest := 6
	for _, h := range headings {
		highest = min(highest, h.Level)
	}
	above := 1
	for _, h := range headings {
		h.Level = min(h.Level-highest+2, above+1, 6)
		above = h.Level
	}
}

// unlink leaves what was in a node, without it.
func unlink(n ast.Node) {
	for child := n.FirstChild(); child != nil; child = n.FirstChild() {
		n.Parent().InsertBefore(n.Parent(), n, child)
	}
	n.Parent().RemoveChild(n.Parent(), n)
}

// harmless reports whether a browser may be sent somewhere: to a site, or to who reads mail.
func harmless(destination string) bool {
	u, err := url.Parse(destination)
	return err == nil && slices.Contains([]string{"http", "https", "mailto"}, strings.ToLower(u.Scheme))
}
