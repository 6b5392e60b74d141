package ratelimit

import (
	"testing"
	"time"
)

func TestPeriodBounds(t *testing.T) {
	const layout = "2006-01-02T15:04:05"
	for _, c := range []struct {
		period         Period
		at, begin, end string
	}{
		{Second, "2024-02-29T23:59:59", "2024-02-29T23:59:59", "2024-03-01T00:00:00"},
		{Minute, "2024-02-29T23:59:59", "2024-02-29T23:59:00", "2024-03-01T00:00:00"},
		{Hour, "2024-02-29T23:59:59", "2024-02-29T23:00:00", "2024-03-01T00:00:00"},
		{Day, "2024-02-28T12:00:00", "2024-02-28T00:00:00", "2024-02-29T00:00:00"},
		{Day, "2023-02-28T12:00:00", "2023-02-28T00:00:00", "2023-03-01T00:00:00"},
		// The 1st of March 2024 was a Friday.
		{Week, "2024-03-01T00:00:00", "2024-02-25T00:00:00", "2024-03-03T00:00:00"},
		{Week, "2024-03-03T00:00:00", "2024-03-03T00:00:00", "2024-03-10T00:00:00"},
		{Week, "2024-12-31T23:59:59", "2024-12-29T00:00:00", "2025-01-05T00:00:00"},
		{Month, "2024-02-29T10:00:00", "2024-02-01T00:00:00", "2024-03-01T00:00:00"},
		{Month, "2023-12-31T23:59:59", "2023-12-01T00:00:00", "2024-01-01T00:00:00"},
		{Year, "2024-12-31T23:59:59", "2024-01-01T00:00:00", "2025-01-01T00:00:00"},
		// 1970 began on a Thursday.
		{Days7, "2024-02-29T00:00:00", "2024-02-29T00:00:00", "2024-03-07T00:00:00"},
		{Days7, "2024-02-28T23:59:59", "2024-02-22T00:00:00", "2024-02-29T00:00:00"},
		{Days7, "1969-12-31T23:59:59", "1969-12-25T00:00:00", "1970-01-01T00:00:00"},
		{Days30, "1970-01-31T00:00:00", "1970-01-31T00:00:00", "1970-03-02T00:00:00"},
		{Days365, "1972-12-30T12:00:00", "1972-01-01T00:00:00", "1972-12-31T00:00:00"},
	} {
		at, err := time.Parse(layout, c.at)
		if err != nil {
			t.Fatal(err)
		}
		// The calendar is UTC's wherever the clock's own zone is.
		begin, end := c.period.Bounds(at.In(time.FixedZone("east", 9*3600)))
		if begin.Format(layout) != c.begin || end.Format(layout) != c.end {
			t.Errorf("%s at %s: %s to %s, want %s to %s", c.period, c.at, begin.Format(layout), end.Format(layout), c.begin, c.end)
		}
		if !c.period.Known() {
			t.Errorf("%s is not known", c.period)
		}
	}
	if Period("FORTNIGHT").Known() {
		t.Error("an unknown period is known")
	}
}
