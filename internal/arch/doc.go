// Package arch holds the shape of the repository by its tests: which package may
// import which, and that every package says what it is for.
package arch
