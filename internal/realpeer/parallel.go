package realpeer

import (
	"flag"
	"testing"
)

// sideBySide is how many tests of a package run at a time.
const sideBySide = "16"

// SideBySide wraps a test binary whose tests wait for servers, for its TestMain:
// unless -parallel says otherwise, more of them run at a time than there are cores,
// since a test that waits needs none.
func SideBySide(m *testing.M) interface{ Run() int } { return wide{m} }

type wide struct{ *testing.M }

func (w wide) Run() int {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", sideBySide); err != nil {
			panic(err)
		}
	}
	return w.M.Run()
}
