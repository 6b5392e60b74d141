package schema_test

import (
	"strings"
	"testing"
)

// BenchmarkCheck holds an order of a kilobyte to a schema such as APIs have.
func BenchmarkCheck(b *testing.B) {
	s := compiled(b, `{"type":"object","required":["customer","lines"],"additionalProperties":false,"properties":{
		"customer":{"type":"object","required":["name","mail"],"properties":{"name":{"type":"string","minLength":1,"maxLength":100},"mail":{"type":"string","format":"email"},"phone":{"type":"string","pattern":"^[0-9+ -]{5,20}$"}}},
		"lines":{"type":"array","minItems":1,"maxItems":100,"items":{"$ref":"#/definitions/line"}},"note":{"type":"string","maxLength":1000},"state":{"enum":["new","paid","sent"]}},
		"definitions":{"line":{"type":"object","required":["sku","count"],"properties":{"sku":{"type":"string","pattern":"^[A-Z]{2}-[0-9]{4}$"},"count":{"type":"integer","minimum":1,"maximum":1000},"price":{"type":"number","minimum":0},"gift":{"type":"boolean"}}}}}`)
	line := `{"sku":"AB-1234","count":12,"price":19.99,"gift":false}`
	body := []byte(`{"customer":{"name":"Ann Example","mail":"ann@example.com","phone":"+49 30 123456"},"state":"new","note":"` + strings.Repeat("leave it at the door. ", 10) +
		`","lines":[` + strings.Repeat(line+",", 11) + line + `]}`)
	if len(body) < 1000 || len(body) > 1100 {
		b.Fatal(len(body))
	}
	bad := []byte(strings.Replace(string(body), `"count":12,"price":19.99,"gift":false}]`, `"count":0}]`, 1))
	for name, c := range map[string]struct {
		body []byte
		good bool
	}{"good": {body, true}, "bad": {bad, false}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if (s.Check(c.body) == nil) != c.good {
					b.Fatal(s.Check(c.body))
				}
			}
		})
	}
}
