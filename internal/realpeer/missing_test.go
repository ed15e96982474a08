package realpeer

import "testing"

func TestMissingNamesTheProgramAndItsPackage(t *testing.T) {
	err := missing(
		program{name: "sh", debian: "dash"},
		program{name: "no-such-initdb", debian: "postgresql"},
		program{name: "no-such-postgres", debian: "postgresql"},
		program{name: "no-such-bouncer", debian: "pgbouncer"},
	)
	want := "not installed: no-such-initdb, no-such-postgres, no-such-bouncer (Debian: apt-get install postgresql pgbouncer)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := missing(program{name: "sh", debian: "dash"}); err != nil {
		t.Error(err)
	}
}
