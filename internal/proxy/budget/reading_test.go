package budget

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// play reads a wire as it was recorded: c8 are eight bytes from the client, s1 one
// from the server, "c." and "s." ends, "~2s" is silence.
func play(t *testing.T, wire string) *Reading {
	t.Helper()
	r, now := new(Reading), time.Unix(0, 0)
	for word := range strings.FieldsSeq(wire) {
		if gap, ok := strings.CutPrefix(word, "~"); ok {
			d, err := time.ParseDuration(gap)
			if err != nil {
				t.Fatal(err)
			}
			for end := now.Add(d); ; {
				due, ok := r.Due()
				if !ok || due.After(end) {
					now = end
					break
				}
				now = due
				r.Quiet(now)
			}
			continue
		}
		now = now.Add(time.Millisecond)
		side := Side(word[0] == 's')
		if word[1] == '.' {
			r.End(side, now)
			continue
		}
		var n int
		if _, err := fmt.Sscan(word[1:], &n); err != nil {
			t.Fatal(err)
		}
		r.Bytes(side, n, now)
	}
	return r
}

// TestReading: wires as they were recorded between real clients and servers.
func TestReading(t *testing.T) {
	for _, c := range []struct {
		name, wire string
		want       Verdict
	}{
		// PostgreSQL 15 with TLS
		{"psql", "c8 s1 c293 s99 c332 s795 c154 s65 c103 s115 c203 s483 c36 s88 c51 c. s24 s.", Good},
		{"psql wrong", "c8 s1 c293 s99 c332 s795 c154 s65 c103 s115 c203 s122 c24 s24 c. s.", Refused},
		{"psql wrong, in pieces", "c8 s1 c293 s99 c332 s795 c74 c80 s65 c103 s115 c203 s122 s24 s. c24 c.", Refused},
		{"psql TLS 1.2", "c8 s1 c188 s640 c126 s51 c87 s72 c110 s122 c210 s490 c43 s95 c65 c. s31 s.", Good},
		{"psql TLS 1.2 wrong", "c8 s1 c188 s641 c126 s51 c87 s72 c110 s122 c210 s129 s31 c31 c. s.", Refused},
		{"node wrong", "c8 s1 c349 s99 c388 s795 c153 s65 c78 s115 c131 s122 s24 c51 c. s.", Refused},
		{"node, no query", "c8 s1 c349 s99 c388 s795 c153 s65 c78 s115 c131 s479 c27 s24 s. c24 c.", Good},
		{"postgres.js", "c8 s1 c349 s99 c388 s794 c74 c108 s65 c78 s115 c131 s490 c314 s7134 c110 s105 c51 c. s24 s.", Good},
		{"postgres.js wrong", "c8 s1 c349 s99 c388 s795 c74 c108 s65 c78 s115 c131 s146 s. c27 c24 c.", Refused},
		{"isready with a password", "c8 s1 c293 s99 c332 s795 c74 c86 s65 c103 s115 c203 s489 c51 c. s24 s.", Good},
		{"isready", "c8 s1 c293 s99 c332 s795 c74 c86 s65 c24 c. s24 s.", NoLogin},
		{"isready TLS 1.2", "c8 s1 c188 s639 c126 s51 c93 s72 c31 c. s31 s.", NoLogin},
		{"direct TLS wrong", "c321 s99 c332 s795 c154 s65 c103 s115 c203 s122 c24 s24 c. s.", Refused},
		// PostgreSQL without TLS
		{"plain", "c58 s24 c55 s93 c109 s461 c14 s66 c5 c. s.", Good},
		{"plain wrong, client first", "c8 s1 c58 s24 c55 s93 c109 s100 c. s.", Refused},
		{"plain wrong, server first", "c8 s1 c58 s24 c55 s93 c109 s100 s. c.", Refused},
		{"plain node wrong", "c57 s24 c56 s93 c109 s100 c5 s. c.", Refused},
		{"plain isready", "c8 s1 c64 s24 c. s.", NoLogin},
		// PgBouncer with TLS: session tickets, a request for a certificate
		{"pooler", "c8 s1 c293 s834 c110 c80 s620 c77 s115 c131 s77 s428 c36 s88 c51 c. s24 s.", Good},
		{"pooler wrong", "c8 s1 c293 s836 c110 c80 s620 c77 s115 c131 s70 s24 s. c24 c.", Refused},
		{"pooler, tickets between", "c8 s1 c293 s835 c110 s287 s287 c80 s46 c77 s115 c131 s94 s. c24 c.", Refused},
		{"pooler isready, tickets between", "c8 s1 c293 s835 c110 s574 c86 s46 c24 c. s24 s.", NoLogin},
		{"pooler isready", "c8 s1 c293 s835 c110 c86 s287 s287 s46 c24 c. s24 s.", NoLogin},
		{"pooler TLS 1.2 with a ticket", "c8 s1 c188 s669 c97 s250 c79 s45 c76 s114 c130 s92 s. c23 c.", Refused},
		{"pooler isready TLS 1.2 with a ticket", "c8 s1 c188 s669 c97 s250 c85 s45 c23 c. s23 s.", NoLogin},
		{"pooler node wrong", "c8 s1 c349 s836 c189 s620 c78 s115 c131 s94 s. c27 c24 c.", Refused},
		{"pooler wants TLS", "c64 s34 s. c.", NoLogin},
		{"certificate not believed", "c8 s1 c293 s835 c7 c. s.", NoLogin},
		// PgBouncer with MD5
		{"md5", "c58 s13 c41 s406 c14 s66 c5 c. s.", Good},
		{"md5 wrong", "c8 s1 c58 s13 c41 s52 s. c.", Refused},
		{"md5 node wrong", "c57 s13 c41 s52 s. c5 c.", Refused},
		{"md5, no query", "c57 s13 c41 s402 c5 s. c.", Good},
		{"md5, short welcome", "c57 s13 c41 s134 c14 s66 c5 c. s.", Good},
		{"password in clear wrong", "c57 s9 c11 s100 c. s.", Refused},
		{"no password", "c57 s402 c14 s66 c5 c. s.", Good},
		{"no password, no query", "c57 s402 c5 c. s.", Good},
		// before the password
		{"unknown tenant", "c8 s1 c293 s835 c110 c80 s140 s. c24 c.", NoLogin},
		{"unknown tenant, plain", "c57 s80 s. c.", NoLogin},
		{"cancel", "c16 s. c.", NoLogin},
		{"cancel with TLS", "c8 s1 c293 s835 c80 c38 s. c.", NoLogin},
		{"cancel with TLS and tickets", "c8 s1 c293 s835 c80 c38 s574 s. c.", NoLogin},
		{"nothing", "c.", NoLogin},
		// silence
		{"welcome", "c57 s13 c41 s402", Good},
		{"short welcome", "c57 s24 c56 s93 c109 s189 ~300ms", Good},
		{"short welcome, too early", "c57 s24 c56 s93 c109 s189 ~299ms", Pending},
		{"the server ends late", "c57 s24 c56 s93 c109 s100 ~1s s. c.", Refused},
		{"the client ends late", "c57 s24 c56 s93 c109 s189 ~1s c5 c. s.", Good},
		{"thinks before the proof", "c57 s24 c56 s93 ~30s", Pending},
		{"thinks, then wrong", "c57 s24 c56 s93 ~30s c109 s100 s. c.", Refused},
		{"thinks before the password, then wrong", "c57 s13 ~30s c41 s52 s. c.", Refused},
		{"gives up in the middle", "c57 s24 c56 s93 ~30s c. s.", NoLogin},
		{"slow server", "c57 s24 c56 s93 c109 ~50s s100 s. c.", Refused},
		{"gone before the answer, wrong", "c57 s24 c56 s93 c109 c. ~3s s100 s.", Refused},
		{"gone before the answer, right", "c57 s24 c56 s93 c109 c. ~3s s461 s.", Good},
		{"gone before the answer, none", "c57 s24 c56 s93 c109 c. s.", NoLogin},
		{"idle", "c57 s24 c56 s93 ~60s", Good},
	} {
		if got := play(t, c.wire).Verdict(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestReadingSettles: from when on nothing can change the verdict.
func TestReadingSettles(t *testing.T) {
	for wire, want := range map[string]bool{
		"c57 s24 c56 s93 c109 s55":               false,
		"c57 s24 c56 s93 c109 s55 s402":          true,
		"c57 s24 c56 s93 c109 s461 c14 s66":      true,
		"c57 s24 c56 s93 c109 s189 ~300ms":       false, // the server may still end
		"c57 s24 c56 s93 c109 s189 ~5s":          true,
		"c57 s24 c56 s93 c109 s189 ~300ms c200":  true,
		"c57 s24 c56 s93 c109 s189 ~1s c14 s200": true,
	} {
		if got := play(t, wire).Settled(); got != want {
			t.Errorf("%s: %v", wire, got)
		}
	}
}
