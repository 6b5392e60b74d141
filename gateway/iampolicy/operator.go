package iampolicy

import "strings"

// family is what an operator compares.
type family int

const (
	stringFamily family = iota
	numericFamily
	dateFamily
	boolFamily
	binaryFamily
	addressFamily
	arnFamily
	nullFamily
)

type comparison int

const (
	equal comparison = iota
	equalFold
	like
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// operator is one of IAM's condition operators.
type operator struct {
	name       string
	family     family
	comparison comparison
	// negated operators hold when their positive twin doesn't, so also when the
	// request has no value to compare.
	negated bool
}

var operators = [...]operator{
	{"StringEquals", stringFamily, equal, false},
	{"StringNotEquals", stringFamily, equal, true},
	{"StringEqualsIgnoreCase", stringFamily, equalFold, false},
	{"StringNotEqualsIgnoreCase", stringFamily, equalFold, true},
	{"StringLike", stringFamily, like, false},
	{"StringNotLike", stringFamily, like, true},
	{"NumericEquals", numericFamily, equal, false},
	{"NumericNotEquals", numericFamily, equal, true},
	{"NumericLessThan", numericFamily, less, false},
	{"NumericLessThanEquals", numericFamily, lessOrEqual, false},
	{"NumericGreaterThan", numericFamily, greater, false},
	{"NumericGreaterThanEquals", numericFamily, greaterOrEqual, false},
	{"DateEquals", dateFamily, equal, false},
	{"DateNotEquals", dateFamily, equal, true},
	{"DateLessThan", dateFamily, less, false},
	{"DateLessThanEquals", dateFamily, lessOrEqual, false},
	{"DateGreaterThan", dateFamily, greater, false},
	{"DateGreaterThanEquals", dateFamily, greaterOrEqual, false},
	{"Bool", boolFamily, equal, false},
	{"BinaryEquals", binaryFamily, equal, false},
	{"IpAddress", addressFamily, equal, false},
	{"NotIpAddress", addressFamily, equal, true},
	{"ArnEquals", arnFamily, like, false},
	{"ArnLike", arnFamily, like, false},
	{"ArnNotEquals", arnFamily, like, true},
	{"ArnNotLike", arnFamily, like, true},
	{"Null", nullFamily, equal, false},
}

// setOperator says how an operator deals with keys of several values.
type setOperator int

const (
	noSet setOperator = iota
	forAllValues
	forAnyValue
)

var setOperators = [...]string{forAllValues: "ForAllValues:", forAnyValue: "ForAnyValue:"}

const ifExistsSuffix = "IfExists"

// findOperator reads an operator's name with what may stand before and after it.
// Letter case does not matter: what is meant is beyond doubt, and in force either way.
func findOperator(name string) (op operator, set setOperator, ifExists, ok bool) {
	for s := forAllValues; s <= forAnyValue; s++ {
		if rest, found := cutPrefixFold(name, setOperators[s]); found {
			name, set = rest, s
			break
		}
	}
	for _, o := range operators {
		rest, found := cutPrefixFold(name, o.name)
		if !found {
			continue
		}
		if rest == "" {
			return o, set, false, true
		}
		if strings.EqualFold(rest, ifExistsSuffix) {
			return o, set, true, true
		}
	}
	return operator{}, noSet, false, false
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// suits reports whether the operators of a family can compare what a key holds, and
// if they can't, which could.
func (f family) suits(kind valueKind) (ok bool, instead string) {
	if f == nullFamily || kind == tagValue {
		return true, ""
	}
	switch kind {
	case arnValue:
		return f == arnFamily || f == stringFamily, "Arn or String operators"
	case dateValue:
		return f == dateFamily, "Date operators"
	case epochValue:
		return f == dateFamily || f == numericFamily, "Date or Numeric operators"
	case numberValue:
		return f == numericFamily, "Numeric operators"
	case booleanValue:
		return f == boolFamily || f == stringFamily, "Bool"
	case addressValue:
		// As text an address has many spellings, and a range would be none of them.
		return f == addressFamily, "IpAddress or NotIpAddress"
	default:
		return f == stringFamily || f == binaryFamily, "String operators"
	}
}
