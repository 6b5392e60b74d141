// Package chromiumtest drives a real Chromium for tests of web pages: it opens them as
// people see them, tells what is on them, and finds what is wrong with them. What a page
// writes to the console, and what it is kept from loading, fails the test.
//
// With GATEHOUSE_SCREENSHOTS=DIR, pictures of the pages are left in a folder.
package chromiumtest
