// Package dashboard is the pages that people look at: what is served, how it fares, and who
// uses it. Everything is rendered here and embedded in the binary, and nothing is loaded
// from anywhere else. Pages read, and change nothing: the few forms there are sign people in
// and out.
//
// What there is to show comes from whoever runs the dashboard, by the small interfaces and
// functions of Options. A process may lack some of them; pages say so.
//
// A page is a file here, a file of templates, and a line of the table in pages.go.
package dashboard
