package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestMain makes this binary one of the processes that share a file when the
// variable names its path.
func TestMain(m *testing.M) {
	if path := os.Getenv("STORE_TEST_PATH"); path != "" {
		serveStore(path)
		return
	}
	os.Exit(m.Run())
}

// serveStore does what its standard input says, one word and a time a line, and
// answers each with a line.
func serveStore(path string) {
	f := NewFile(path)
	heard := time.Time{} // the operator's word that was heard last
	hear := func(r machine.Record) {
		if r.Cleared.After(heard) {
			heard = r.Cleared
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var err error
		word, text, _ := strings.Cut(lines.Text(), " ")
		at, _ := time.Parse(time.RFC3339Nano, text)
		window := machine.Record{Windows: []machine.Window{{Key: text, Opened: at, Until: at.Add(time.Hour), InRow: 1}}}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		switch word {
		case "load":
			var r machine.Record
			if r, _, err = f.Load(ctx); err == nil {
				hear(r)
			}
		case "save": // as the supervisor does: what somebody else wrote is heeded, then written over
			err = f.Save(ctx, window)
			if conflict, ok := errors.AsType[*supervisor.ConflictError](err); ok {
				hear(conflict.Found)
				err = f.Save(ctx, window)
			}
			if conflict, ok := errors.AsType[*supervisor.ConflictError](err); ok { // a second operator
				hear(conflict.Found)
				err = f.Save(ctx, window)
			}
		case "try":
			err = f.Save(ctx, window)
		case "clear":
			err = f.Clear(ctx, at)
		case "close":
			err = f.Close()
		}
		cancel()
		fmt.Printf("%s %v\n", heard.Format(time.RFC3339Nano), err)
	}
}

// process is one of several that share a file.
type process struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Scanner
	command *exec.Cmd
}

func startProcess(t *testing.T, path string) *process {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "STORE_TEST_PATH="+path)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); command.Wait() })
	return &process{t, in, bufio.NewScanner(out), command}
}

func (p *process) tell(word string, at time.Time) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, "%s %s\n", word, at.Format(time.RFC3339Nano)); err != nil {
		p.t.Fatal(err)
	}
}

// answer is when the clear was asked for that was heard last, and what went wrong.
func (p *process) answer() (heard time.Time, failed string) {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatal("the process has ended")
	}
	stamp, failed, _ := strings.Cut(p.out.Text(), " ")
	heard, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		p.t.Fatal(err)
	}
	return heard, failed
}

// do tells it and waits.
func (p *process) do(word string, at time.Time) (failed string) {
	p.t.Helper()
	p.tell(word, at)
	_, failed = p.answer()
	return failed
}

// TestFileRaces: a sidecar saves a window while two operators, each a process of
// its own, clear what was there a moment before. Whoever comes first, the sidecar
// hears of the clearing, or its record stands in the file; and the window, which
// opened after the question, stands there in the end.
func TestFileRaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	sidecar, one, two := startProcess(t, path), startProcess(t, path), startProcess(t, path)
	lostClears, lostWindows := 0, 0
	const rounds = 300
	for range rounds {
		asked := time.Now().UTC()
		opened := asked.Add(time.Microsecond)
		for _, p := range []*process{sidecar, one, two} {
			if failed := p.do("load", asked); failed != "<nil>" {
				t.Fatal(failed)
			}
		}
		time.Sleep(time.Until(opened.Add(time.Microsecond))) // a window of the future counts as none
		one.tell("clear", asked)
		sidecar.tell("save", opened)
		two.tell("clear", asked)
		heard, failed := sidecar.answer()
		for _, p := range []*process{one, two} {
			if _, refused := p.answer(); refused != "<nil>" {
				failed = refused
			}
		}
		if failed != "<nil>" {
			t.Fatal(failed)
		}
		r, _ := load(t, newFile(t, path))
		if heard.Before(asked) && r.Cleared.Before(asked) {
			lostClears++
		}
		if len(r.Windows) != 1 || !r.Windows[0].Opened.Equal(opened) {
			lostWindows++
		}
	}
	if lostClears+lostWindows > 0 {
		t.Errorf("of %d races %d lost the operator's word and %d the window", rounds, lostClears, lostWindows)
	}
}

// TestFileLockGivenUp: while another process owns the file a Save fails and costs
// next to nothing; when that one closes it, or is killed, the next Save writes.
func TestFileLockGivenUp(t *testing.T) {
	for name, end := range map[string]func(p *process){
		"closed": func(p *process) { p.do("close", time.Time{}) },
		"killed": func(p *process) { p.command.Process.Kill(); p.command.Wait() },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.json")
			owner := startProcess(t, path)
			at := time.Now().UTC()
			if failed := owner.do("save", at); failed != "<nil>" {
				t.Fatal(failed)
			}
			f := newFile(t, path)
			load(t, f)
			begun := time.Now()
			const tries = 200
			for range tries {
				if err := f.Save(t.Context(), record("k")); !errors.Is(err, errOwned) {
					t.Fatal(err)
				}
			}
			t.Logf("a Save that has to wait costs %s", time.Since(begun)/tries)
			end(owner)
			save(t, f, record("k"))
			if failed := startProcess(t, path).do("try", at); failed == "<nil>" {
				t.Error("the file was taken over by two")
			}
		})
	}
}

// TestFileWriterHangs: a process that stops in the middle of its writing costs the
// others their patience, and no more.
func TestFileWriterHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f := newFile(t, path)
	save(t, f, record("k"))
	other := newFile(t, path)
	place, _ := other.find()
	if locked, err := place.writer.TryLock(); !locked {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := f.Save(patience(t), record("k")); err == nil {
		t.Error("two write at a time")
	}
	if err := f.Clear(patience(t), time.Now()); err == nil {
		t.Error("two write at a time")
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it waited %s", took)
	}
	place.writer.Unlock()
	save(t, f, record("k"))
}
