// Package disk replaces a file as a whole, on every system: who reads it finds what
// was there before or all of what comes after.
package disk
