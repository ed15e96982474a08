// Package deploy holds what a platform reads, against that platform's own readers.
// It is a module of its own, so that those stay out of the product's.
package deploy
