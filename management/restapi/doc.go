// Package restapi is Amazon API Gateway's management API of REST APIs (service
// "apigateway", version 2015-07-09): its documents and what its operations do with
// them. The documents are kept and sent in the same form, that of the service model.
package restapi

import (
	"strconv"
	"time"
)

// Time is what the service tells times as: seconds since 1970.
type Time struct{ time.Time }

// MarshalJSON writes whole seconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// UnmarshalJSON reads seconds, fractions of which are dropped.
func (t *Time) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return err
	}
	*t = Time{time.Unix(int64(seconds), 0).UTC()}
	return nil
}
