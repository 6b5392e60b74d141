package iampolicy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// condition is one operator on one key, with the values it is compared with. Only
// the values of the operator's family are set.
type condition struct {
	operator operator
	set      setOperator
	ifExists bool
	key      key

	texts    []pattern
	arns     []arnPattern
	numbers  []float64
	dates    []time.Time
	binaries []string
	prefixes []netip.Prefix
	// Bool and Null: whether false, and whether true, is among the values.
	truths [2]bool
}

// conditions reads the Condition block of a statement.
func (p *parser) conditions(at Path, block *node) []condition {
	if !p.is(at, block, objectNode, "") {
		return nil
	}
	var all []condition
	seen := map[string]bool{}
	for i := range block.members {
		m := &block.members[i]
		here := at.key(m.name)
		op, set, ifExists, ok := findOperator(m.name)
		switch {
		case !ok:
			p.problem(here, m.offset, "", "%q is not a condition operator", m.name)
			continue
		case op.family == nullFamily && (ifExists || set != noSet):
			p.problem(here, m.offset, "write Null", "Null takes neither IfExists nor a set operator")
			continue
		case seen[strings.ToLower(m.name)]:
			p.problem(here, m.offset, "put the keys into one", "the operator %s stands twice", m.name)
			continue
		}
		seen[strings.ToLower(m.name)] = true
		if !p.is(here, &m.value, objectNode, `write {"key": "value"}`) {
			continue
		}
		if len(m.value.members) == 0 {
			p.problem(here, m.value.offset, "", "the operator %s has no keys", m.name)
		}
		keys := map[string]bool{}
		for j := range m.value.members {
			k := &m.value.members[j]
			if keys[strings.ToLower(k.name)] {
				p.problem(here.key(k.name), k.offset, "names of keys ignore case", "the key %s stands twice", k.name)
				continue
			}
			keys[strings.ToLower(k.name)] = true
			c := condition{operator: op, set: set, ifExists: ifExists}
			if p.condition(&c, here.key(k.name), k) {
				all = append(all, c)
			}
		}
	}
	return all
}

func (p *parser) condition(c *condition, at Path, m *member) bool {
	var ok bool
	if c.key, ok = findKey(m.name); !ok {
		p.problem(at, m.offset, "see the condition keys for API Gateway resource policies",
			"%q is none of the condition keys that API Gateway has", m.name)
		return false
	}
	info := c.key.info()
	if suits, instead := c.operator.family.suits(info.kind); !suits {
		p.problem(at, m.offset, "write "+instead, "%s cannot compare %s", c.operator.name, info.name)
		return false
	}
	switch {
	case info.several && c.set == noSet && c.operator.family != nullFamily:
		p.problem(at, m.offset, "write ForAnyValue: or ForAllValues: before the operator", "%s may have several values", info.name)
		return false
	case !info.several && c.set == forAllValues:
		p.warning(at, m.offset, "leave ForAllValues: out", "%s has one value at most; ForAllValues holds when it has none", info.name)
	}
	values := p.texts(at, &m.value, "a condition's value", textNode, numberNode, booleanNode)
	for _, v := range values {
		if err := c.add(p, v); err != nil {
			p.problem(v.at, v.offset, "", "%v", err)
			ok = false
		}
	}
	return ok && len(values) > 0
}

// add compiles a value.
func (c *condition) add(p *parser, v located) error {
	switch c.operator.family {
	case stringFamily:
		n := notation{wildcards: c.operator.comparison == like, variables: p.variables}
		p.noticeVariables(v)
		compiled, err := n.compile(v.text)
		c.texts = append(c.texts, compiled)
		return err
	case arnFamily:
		p.noticeVariables(v)
		compiled, err := compileARN(v.text, p.variables)
		if err == nil && compiled.short {
			err = errors.New("an ARN has six parts between colons; write * for each part that does not matter")
		}
		c.arns = append(c.arns, compiled)
		return err
	case numericFamily:
		number, err := parseNumber(v.text)
		c.numbers = append(c.numbers, number)
		return err
	case dateFamily:
		date, err := parseDate(v.text)
		c.dates = append(c.dates, date)
		return err
	case boolFamily, nullFamily:
		truth, err := parseTruth(v.text)
		c.truths[index(truth)] = true
		return err
	case binaryFamily:
		binary, err := base64.StdEncoding.Strict().DecodeString(v.text)
		if err != nil {
			return fmt.Errorf("%q is not base64", v.text)
		}
		c.binaries = append(c.binaries, string(binary))
	case addressFamily:
		prefix, err := parsePrefix(v.text)
		c.prefixes = append(c.prefixes, prefix)
		return err
	}
	return nil
}

var numberSyntax = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`)

func parseNumber(text string) (float64, error) {
	if !numberSyntax.MatchString(text) {
		return 0, fmt.Errorf("%q is not a number such as 42 or -1.5", text)
	}
	return strconv.ParseFloat(text, 64)
}

// dateLayouts are the forms of ISO 8601 that the W3C note on dates lists. Go takes
// fractions of a second after any seconds.
var dateLayouts = [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01"}

// lastEpoch is the end of the year 9999.
const lastEpoch = 253402300799

func parseDate(text string) (time.Time, error) {
	if isDigits(text) {
		seconds, err := strconv.ParseInt(text, 10, 64)
		switch {
		case len(text) == 4:
			return time.Time{}, fmt.Errorf("%q may be a year or a time in seconds; write %s-01 for the year", text, text)
		case err != nil || seconds > lastEpoch:
			return time.Time{}, fmt.Errorf("%q lies past the year 9999; times are in seconds since 1970, not milliseconds", text)
		}
		return time.Unix(seconds, 0), nil
	}
	for _, layout := range dateLayouts {
		// Go also takes a comma before the fraction, which the note does not have.
		if date, err := time.Parse(layout, text); err == nil && !strings.Contains(text, ",") {
			return date, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date such as 2026-01-31T12:00:00Z, 2026-01-31 or 1769860800", text)
}

func isDigits(text string) bool {
	for _, c := range text {
		if !isDigit(c) {
			return false
		}
	}
	return text != ""
}

func parseTruth(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

func index(truth bool) int {
	if truth {
		return 1
	}
	return 0
}

// parsePrefix reads a range in CIDR form, or an address, which is a range of one.
// Bits past the length of the prefix are ignored, as 203.0.113.7/24 leaves no doubt.
func parsePrefix(text string) (netip.Prefix, error) {
	var prefix netip.Prefix
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	} else if prefix, err = netip.ParsePrefix(text); err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not an address or a range such as 203.0.113.0/24 or 2001:db8::/32", text)
	}
	if addr := prefix.Addr(); addr.Is4In6() {
		// A client of an IPv4 address is compared as such, so the range has to be, too.
		if prefix.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("%q is a range of IPv4 addresses within IPv6; write it as IPv4", text)
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}
