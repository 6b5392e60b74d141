// Package cost puts prices to what was metered: those of a table of Amazon's, to know what
// the same traffic would cost there, or those of a table of one's own.
//
// All sums are exact: prices are decimals, and parts of a bill add up to the whole.
package cost
