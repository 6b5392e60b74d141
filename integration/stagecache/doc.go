// Package stagecache keeps answers of routes for a while, for the caches of REST APIs'
// stages, and has requests for the same answer wait for the one that fetches it. What the
// answers are of, and who may have them, is not its business: it goes by keys.
package stagecache
