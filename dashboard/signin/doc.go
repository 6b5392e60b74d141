// Package signin finds out who looks at the dashboard, and whether they may: by an access
// key of the definitions, or by an OpenID Connect provider. Every answer to "no" is the same,
// whatever was wrong, and takes as long.
package signin
