package realpeer_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"dragonfly.internal/sidecar/internal/realpeer"
)

// asOrphan makes a copy of this test binary start servers and wait to be killed.
const asOrphan = "REALPEER_ORPHAN"

// Nothing outlives a killed test binary: no server, no directory.
func TestKilledBinaryLeavesNothing(t *testing.T) {
	realpeer.Need(t)
	if os.Getenv(asOrphan) != "" {
		pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
		pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{})
		directory := pg.Exec(t, "SHOW unix_socket_directories")[0][0]
		fmt.Printf("orphan: %s %s %s\n", pg.Address(), pooler.Address(), directory)
		select {}
	}
	t.Parallel()

	binary := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	binary.Env = append(os.Environ(), asOrphan+"=yes")
	out, err := binary.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := binary.Start(); err != nil {
		t.Fatal(err)
	}
	var addresses [2]string
	var directory string
	for lines := bufio.NewScanner(out); directory == "" && lines.Scan(); {
		if line, found := strings.CutPrefix(lines.Text(), "orphan: "); found {
			if _, err := fmt.Sscan(line, &addresses[0], &addresses[1], &directory); err != nil {
				t.Error(err)
			}
		}
	}
	binary.Process.Kill()
	binary.Wait()
	if directory == "" {
		t.Fatal("the copy did not start its servers")
	}

	realpeer.Until(t, within, "its servers and files are gone", func() error {
		for _, address := range addresses {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				conn.Close()
			}
			if !errors.Is(err, syscall.ECONNREFUSED) {
				return fmt.Errorf("%s: %v", address, err)
			}
		}
		if _, err := os.Stat(directory); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %v", directory, err)
		}
		return nil
	})
}
