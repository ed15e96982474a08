package dsn

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
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
	verbs := []string{"v", "+v", "#v", "s", "+s", "q", "#q", "x", "X", "# x", "d", "t", "c", "b", "o", "O", "U", "e", "f", "g", "p", "T", "20v", ".3s", "!"}
	var out strings.Builder
	for _, value := range values {
		for _, verb := range verbs {
			fmt.Fprintf(&out, "%"+verb+"\n", value)
		}
		fmt.Fprintln(&out, value)
		data, _ := json.Marshal(value)
		out.Write(data)
		data, _ = xml.Marshal(value)
		out.Write(data)
		gob.NewEncoder(&out).Encode(value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "value", value)
	}
	for _, form := range []string{clear, fmt.Sprintf("%x", clear), fmt.Sprintf("%X", clear), fmt.Sprintf("% x", clear), "hunt"} {
		if strings.Contains(out.String(), form) {
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
