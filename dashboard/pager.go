package dashboard

import (
	"net/http"
	"net/url"
	"strconv"
)

// pager leads to more of a list of which a page shows a part.
type pager struct {
	// What names what is listed, Found how many there are of it.
	What               string
	Page, Pages, Found int
	Previous, Next     string
}

// paged takes those of the page that is asked for, or of the nearest that there is. Which
// else are asked for, by the query's values that are named, stays as it is.
func paged[T any](r *http.Request, what string, all []T, size int, keep ...string) ([]T, pager) {
	p := pager{What: what, Pages: max((len(all)+size-1)/size, 1), Found: len(all)}
	// No number is the first page.
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	p.Page = min(max(number, 1), p.Pages)
	href := func(page int) string {
		values := url.Values{}
		for _, name := range keep {
			if value := asked(r, name); value != "" {
				values.Set(name, value)
			}
		}
		if page > 1 {
			values.Set("page", strconv.Itoa(page))
		}
		return (&url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: values.Encode()}).String()
	}
	if p.Page > 1 {
		p.Previous = href(p.Page - 1)
	}
	if p.Page < p.Pages {
		p.Next = href(p.Page + 1)
	}
	return all[(p.Page-1)*size : min(p.Page*size, len(all))], p
}
