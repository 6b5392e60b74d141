package portal

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/gateway"
)

// stylesheet gives a portal's own colours to its pages. What is written on a coloured
// ground is black or white, whichever can be read; definitions have hexadecimal colours
// only, and so nothing else gets into a stylesheet.
func stylesheet(c *gateway.PortalColors) []byte {
	var root, rules strings.Builder
	set := func(name, color string) {
		if color != "" {
			fmt.Fprintf(&root, "  --%s: %s;\n", name, color)
		}
	}
	if c.Background != "" {
		// What is not chosen is as on our own pages with a ground like that.
		if readable(c.Background) == "#000" {
			root.WriteString("  color-scheme: light;\n  --line: #d5d9e0; --good: #14692f; --bad: #a61b1b; --waiting: #7a4d00; --on-state: #fff; --on-bad: #fff;\n")
			set("accent", "#1d4ed8")
			set("on-accent", "#fff")
		} else {
			root.WriteString("  color-scheme: dark;\n  --line: #353b46; --good: #7fd89a; --bad: #ff9d9d; --waiting: #f0c069; --on-state: #000; --on-bad: #000;\n")
			set("accent", "#8ab4ff")
			set("on-accent", "#000")
		}
		set("ground", c.Background)
		set("card", c.Background)
		set("text", readable(c.Background))
		set("quiet", readable(c.Background))
	}
	set("text", c.Text)
	set("quiet", c.Text)
	if c.Error != "" {
		set("bad", c.Error)
		set("on-bad", readable(c.Error))
	}
	if c.Accent != "" {
		set("accent", c.Accent)
		set("on-accent", readable(c.Accent))
	}
	bar := func(selector, links, color string) {
		if color != "" {
			fmt.Fprintf(&rules, "%s { background: %s; }\n%s { color: %s; }\n", selector, color, links, readable(color))
		}
	}
	bar(".top", ".top, .top .name, .top nav a, .top nav a:hover, .top button.plain", c.Header)
	bar(".top nav", ".top nav a, .top nav a:hover", c.Navigation)
	if c.Header+c.Navigation != "" {
		rules.WriteString(".top nav a[aria-current] { background: none; text-decoration: underline; }\n")
	}
	return []byte(":root {\n" + root.String() + "}\n" + rules.String())
}

// readable is black or white, whichever is further from a color: of the two, one has a
// contrast of 4.5 at least. See https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
func readable(color string) string {
	hex := strings.TrimPrefix(color, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		return "#000"
	}
	luminance := 0.2126*linear(n>>16&0xff) + 0.7152*linear(n>>8&0xff) + 0.0722*linear(n&0xff)
	if luminance > 0.179 {
		return "#000"
	}
	return "#fff"
}

// linear is a part of a color without the correction of screens.
func linear(part uint64) float64 {
	share := float64(part) / 255
	if share <= 0.04045 {
		return share / 12.92
	}
	return math.Pow((share+0.055)/1.055, 2.4)
}

// themeFile is the name of a portal's own stylesheet, beside the files of all.
const themeFile = "theme.css"

func (s *Server) sendTheme(w http.ResponseWriter, r *http.Request, c *site) error {
	if c.theme == nil {
		return errNoPage
	}
	return sendFile(w, r, c.theme)
}
