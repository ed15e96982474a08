//go:build !unix

package main

import "context"

// child needs process groups and wait4; elsewhere run is refused.
type child struct{}

func newChild(context.CancelCauseFunc) *child { return &child{} }

func (*child) start(context.Context, string, []string, []string) error {
	return &failure{exitFailure, "run needs Linux or another Unix", "sidecar wait works here"}
}

func (*child) wait() (int, bool) { return exitFailure, false }

func (*child) sweep() {}
