package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"dragonfly.internal/sidecar/internal/dsn"
)

// TestBoxesLineUp: whatever the values, every line of a frame is as wide as the
// others, and no narrower than the seed's.
func TestBoxesLineUp(t *testing.T) {
	for _, value := range []string{"", "shared", strings.Repeat("x", 200), "größer", strings.Repeat("é", 90)} {
		for least, frame := range map[int]string{
			bannerWidth + 2: Banner("PROBE DATABASE"),
			boxWidth + 2:    Box("POOLER IDENTITY", []Row{{"Mode", "shared"}, {"Project Ref", value}}),
		} {
			lines := strings.Split(strings.TrimSuffix(frame, "\n"), "\n")
			for _, line := range lines {
				if w := utf8.RuneCountInString(line); w != utf8.RuneCountInString(lines[0]) || w < least {
					t.Errorf("%d characters, the first line has %d, at least %d: %s", w, utf8.RuneCountInString(lines[0]), least, line)
				}
			}
			if value != "" && strings.Contains(frame, "Mode") && !strings.Contains(frame, value) {
				t.Errorf("the value is cut:\n%s", frame)
			}
		}
	}
}

// TestEveryCodeHasACheck: a finding that no check shows would be lost.
func TestEveryCodeHasACheck(t *testing.T) {
	seen := make(map[dsn.Code]int)
	for _, group := range byCheck {
		for _, code := range group.codes {
			seen[code]++
		}
	}
	for _, code := range dsn.Codes {
		if code != dsn.Valid && seen[code] != 1 {
			t.Errorf("%s stands in %d checks", code, seen[code])
		}
	}
}
