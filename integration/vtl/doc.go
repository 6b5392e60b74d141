// Package vtl renders the mapping templates of API Gateway: the Velocity Template
// Language as Amazon's service runs it, with $input, $util, $context and
// $stageVariables.
//
// Amazon's engine is Apache Velocity 1.7 with three settings that templates can
// notice, all of which were recorded from the service: references that resolve to
// nothing stand for the empty text (and so are true in an #if), #macro, #evaluate
// and other unknown directives are printed as they stand, and arrays of a parsed
// body print as JSON while objects print as Java maps do. The tests keep this
// package beside outputs of the real Velocity 1.7.
//
// A template is parsed once, into a tree in which variables are slots and constant
// JSONPath and regular expressions are compiled, and may then be rendered by any
// number of goroutines. Rendering does no I/O and cannot run away: loops, depth,
// steps, memory and output are bounded by Limits.
package vtl
