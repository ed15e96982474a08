package dsn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSecretNeverPrints(t *testing.T) {
	const clear = "hunter2hunter2"
	type holder struct {
		Public  Secret
		private Secret
		pointer *Secret
		list    []Secret
	}
	s := NewSecret(clear)
	values := []any{
		s, &s, []Secret{s}, map[string]Secret{"k": s}, [1]any{s}, DSN{User: "u", Host: "h", Password: s}, &DSN{Password: s},
		holder{s, s, &s, []Secret{s}}, &holder{s, s, &s, []Secret{s}}, errors.Join(fmt.Errorf("wrapped: %v", s)),
	}
	out := printed(values...)
	for _, form := range []string{clear, fmt.Sprintf("%x", clear), fmt.Sprintf("%X", clear), fmt.Sprintf("% x", clear), "hunt"} {
		if strings.Contains(out, form) {
			t.Errorf("the secret came out as %q", form)
		}
	}
}

func TestSecret(t *testing.T) {
	var none Secret
	if !none.IsZero() || none.Reveal() != "" || none.String() != "" || !NewSecret("").IsZero() {
		t.Error("the zero value is not an empty secret")
	}
	s := NewSecret("pw")
	if s.Reveal() != "pw" || !s.Equal(NewSecret("pw")) || s.Equal(NewSecret("px")) || s.Equal(none) {
		t.Error("a secret is not equal to itself alone")
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(map[string]any{"a": s, "b": none}); err != nil || b.String() != `{"a":"****","b":""}`+"\n" {
		t.Errorf("JSON %s, %v", b.String(), err)
	}
}
