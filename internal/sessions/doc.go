// Package sessions knows who has signed in to pages. A session is a sealed cookie, which
// says whose it is and when it ends; what the server keeps is the key to the seals, and
// which sessions were ended before their time: a copy of such a cookie is of no use.
package sessions
