package schema

import "bytes"

// Schema is a compiled model. Any number of goroutines may use it.
type Schema struct{ root *node }

// Reason is a kind of Failure.
type Reason int

const (
	// NotJSON: the body cannot be read.
	NotJSON Reason = iota + 1
	// NotAllowed: it is not what the schema asks for.
	NotAllowed
	// TooMuch: it can be read, but is deeper or has more in it than is looked at, or to
	// compare it with the schema takes more steps than a body of its size is given.
	TooMuch
)

// Failure is why a body is refused.
type Failure struct {
	Reason Reason
	// Detail explains it as $context.error.validationErrorString does: a list of
	// mistakes in brackets, with parts of the body in it.
	Detail string
}

// What a body may cost: so many steps, each about a tenth of a microsecond, and more
// for each of its bytes. A schema that asks 20 others about every value stays below it;
// one in which the questions double with each level of the body does not.
const (
	freeSteps    = 50_000
	stepsPerByte = 4
	// explainSteps is what may be spent on an explanation.
	explainSteps = 200_000
)

// Check holds a body to the schema. An empty body is taken for {}. The result is nil
// when nothing is wrong.
func (s *Schema) Check(body []byte) *Failure {
	if len(body) == 0 {
		body = []byte("{}")
	}
	v, err := parse(body)
	switch err {
	case nil:
	case errTooDeep, errTooMany, errNumber:
		return &Failure{TooMuch, "[" + err.Error() + "]"}
	default:
		return &Failure{NotJSON, "[" + shortened(err.Error(), maxReportBytes) + "]"}
	}
	e := evaluation{steps: freeSteps + stepsPerByte*len(body)}
	good := e.good(s.root, &v, nil)
	switch {
	case e.over:
		return &Failure{TooMuch, "[the body takes too many steps to be compared with the schema]"}
	case good:
		return nil
	}
	explained := evaluation{steps: explainSteps, report: &report{}}
	explained.good(s.root, &v, nil)
	return &Failure{NotAllowed, explained.report.String()}
}

// Weight is about how many values there are in a body, at least 1: what it costs to
// hold it in memory.
func Weight(body []byte) int64 {
	n := 1 + bytes.Count(body, []byte{','}) + bytes.Count(body, []byte{'['}) + bytes.Count(body, []byte{'{'})
	return int64(min(n, MaxValues))
}
