package sigv4

import (
	"net/http"
	"time"
)

// timestampLayout is the basic format of ISO 8601.
const timestampLayout = "20060102T150405Z"

// signedAt finds when the request was signed, and which header says so.
func signedAt(all fields, query presigned) (at time.Time, header string, err *Error) {
	if query != nil {
		at, err = parseTimestamp(query[queryDate])
		return at, "", err
	}
	value, present, err := all.one("x-amz-date")
	if err != nil {
		return time.Time{}, "", err
	}
	if present {
		at, err = parseTimestamp(value)
		return at, "x-amz-date", err
	}
	if value, present, err = all.one("date"); err != nil {
		return time.Time{}, "", err
	}
	if !present {
		return time.Time{}, "", incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	// The Date header has the formats of HTTP, but a client may write the one of
	// X-Amz-Date there. botocore's ends in -0000.
	if at, parseErr := http.ParseTime(value); parseErr == nil {
		return at, "date", nil
	}
	if at, parseErr := time.Parse(time.RFC1123Z, value); parseErr == nil {
		return at.UTC(), "date", nil
	}
	at, err = parseTimestamp(value)
	return at, "date", err
}

// parseTimestamp reads the one format that X-Amz-Date may have. The text is AWS's
// (recall).
func parseTimestamp(text string) (time.Time, *Error) {
	// time.Parse would take fractions of seconds as well.
	if len(text) == len(timestampLayout) {
		if at, err := time.Parse(timestampLayout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", shown(text))
}
