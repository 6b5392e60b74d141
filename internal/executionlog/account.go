package executionlog

// Account is what one part of the gateway tells of a request to a stage. Others tell more
// of it under the same id.
type Account struct {
	API, Stage string
	Canary     bool
	// Route is the route key.
	Route     string
	RequestID string
	Entries   []Entry
}
