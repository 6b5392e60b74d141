// Package schema holds request bodies to models, which are JSON schemas: draft 4, as
// Amazon's gateway has them, or the later draft that a schema names.
//
// The schemas are read, and their references resolved, by
// github.com/santhosh-tekuri/jsonschema. Bodies are checked by an evaluator of our own
// over what that makes, for bodies come from anybody: it decides at the first mistake,
// spends no more steps than the size of a body allows, uses no recursion that a body
// can make deep, and explains a refusal in the words of Amazon's gateway and in the
// order of the body. The library's own evaluator, which does none of that, is what the
// tests compare it with.
//
// Nothing here is ever fetched: a reference leads to a model of the same API, or is a
// problem when the schema is compiled.
package schema
