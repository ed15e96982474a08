package main

import (
	"runtime"
	"runtime/debug"

	"dragonfly.internal/sidecar/internal/health"
)

// Set by the linker (Makefile, Dockerfile); without it the module's own
// information speaks.
var version, commit string

// build says what runs here.
func build() health.Build {
	b := health.Build{Version: version, Commit: commit, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		if b.Version == "" {
			b.Version = info.Main.Version
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" && b.Commit == "" {
				b.Commit = setting.Value
			}
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "dev"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}
