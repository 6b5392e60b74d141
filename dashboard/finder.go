package dashboard

// finder is the form that looks for something by its name in what a page lists.
type finder struct {
	Label, Placeholder, Value string
	// Hidden are what else is asked for, and stays so.
	Hidden []queryValue
}

// find makes a form that shows what is looked for now. It keeps other values of the query,
// which are given as names with their values; "" is none.
func find(label, placeholder, value string, keep ...string) finder {
	f := finder{Label: label, Placeholder: placeholder, Value: value}
	for i := 0; i+1 < len(keep); i += 2 {
		if keep[i+1] != "" {
			f.Hidden = append(f.Hidden, queryValue{keep[i], keep[i+1]})
		}
	}
	return f
}
