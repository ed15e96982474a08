package dsn

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"testing"
)

// pythonReader is one Python process that reads DSNs as the seed's tools and
// SQLAlchemy do, one a line. nil is a machine without Python.
type pythonReader struct {
	in  io.Writer
	out *bufio.Scanner
}

// pythonProgram answers "DSN HEX", HEX being the password, with how Python reads
// the DSN and how the seed would have encoded the password.
const pythonProgram = `
import sys
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit
for line in sys.stdin:
    dsn, password = line.split()
    u = urlsplit(dsn)
    print(unquote(u.username), unquote_to_bytes(u.password).hex(), u.hostname, u.port, u.path,
        quote(bytes.fromhex(password), safe=""), flush=True)
`

func startPython(t testing.TB) *pythonReader {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Log("there is no python3: it is not asked")
		return nil
	}
	command := exec.Command(path, "-I", "-c", pythonProgram)
	in, _ := command.StdinPipe()
	out, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); command.Wait() })
	return &pythonReader{in, bufio.NewScanner(out)}
}

// agrees checks that Python reads a DSN that Build made as it was meant.
func (p *pythonReader) agrees(t *testing.T, raw, password string) {
	t.Helper()
	if p == nil {
		return
	}
	fmt.Fprintf(p.in, "%s %x\n", raw, password)
	p.out.Scan()
	want := fmt.Sprintf("postgres.%s %s aws-0-us-east-1.pooler.supabase.com 6543 /postgres %s",
		seedProdRef, hex.EncodeToString([]byte(password)), Encode(password))
	if got := p.out.Text(); got != want {
		t.Errorf("Python reads %q as\n%s, want\n%s", raw, got, want)
	}
}
