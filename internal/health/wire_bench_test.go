package health

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	sys "golang.org/x/sys/unix"

	"dragonfly.internal/sidecar/internal/supervisor"
)

// beServer makes the test binary one of the servers that are compared, in a process
// and on a core of its own.
const beServer = "TEST_BINARY_IS_SERVER"

func TestMain(m *testing.M) {
	if kind := os.Getenv(beServer); kind != "" {
		serveKind(kind)
		return
	}
	os.Exit(m.Run())
}

// kinds are the servers, in the order of the table.
var kinds = []string{"bare", "bare with the same headers and timeouts", "as it was: router, middleware, four timers", "sidecar"}

// serveKind answers /readyz on a port that it prints, until it is killed.
func serveKind(kind string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	snapshot := readySince(time.Hour)
	body := encode(ReadinessAt(snapshot, time.Now()))
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = jsonType
		w.Write(body)
	})
	server := &http.Server{
		ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	switch kind {
	case kinds[0]:
		err = http.Serve(listener, bare)
	case kinds[1]:
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Cache-Control"] = noStore
			bare(w, r)
		})
		err = server.Serve(listener)
	case kinds[2]:
		server.ReadTimeout = 5 * time.Second
		server.Handler = asItWas(snapshot)
		err = server.Serve(listener)
	default:
		err = Serve(context.Background(), listener, at(snapshot, ""), 0, slog.New(slog.DiscardHandler))
	}
	panic(err)
}

// asItWas is the way to the same answer before the front switch.
func asItWas(snapshot *supervisor.Snapshot) http.Handler {
	answer := cached{render: plainReadiness}
	requests := newRequests(nil)
	router := chi.NewRouter()
	router.Use(middleware.GetHead, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Cache-Control"] = noStore
			w.Header()["X-Content-Type-Options"] = noSniff
			next.ServeHTTP(w, r)
		})
	})
	for _, path := range []string{"/", "/health", "/livez", "/metrics", "/readyz", "/status"} {
		router.Get(path, requests.counted(path, func(w http.ResponseWriter, _ *http.Request) int {
			return answer.write(w, snapshot, time.Now())
		}))
	}
	return router
}

// compared is one server that runs, and what the rounds found.
type compared struct {
	process *exec.Cmd
	port    string
	rate    []float64 // requests a second, by round
	cpu     []float64 // microseconds of processor time a request, by round
}

// BenchmarkWire compares /readyz over real sockets with handlers that do nothing
// else. Rounds are interleaved, so that a noisy moment hits every server; the server
// has one core, and the load another where there is one.
func BenchmarkWire(b *testing.B) {
	rounds, each := 15, 400*time.Millisecond
	if text := os.Getenv("WIRE_ROUNDS"); text != "" {
		rounds, _ = strconv.Atoi(text)
	}
	servers := make([]*compared, len(kinds))
	for i, kind := range kinds {
		servers[i] = startKind(b, kind)
	}
	defer pin(b, 0, runtime.NumCPU()-1)()
	for range b.N {
		for _, s := range servers {
			s.load(b, each/4) // warm
		}
		for round := range rounds {
			for i := range servers {
				servers[(i+round)%len(servers)].round(b, each)
			}
		}
	}
	fmt.Printf("\n%-44s %22s %22s %24s %24s\n", "/readyz, 32 connections", "requests/s", "CPU us/request", "rate : bare", "CPU, bare : it")
	for i, s := range servers {
		rate, cpu := ratios(s.rate, servers[0].rate), ratios(servers[0].cpu, s.cpu)
		fmt.Printf("%-44s %22s %22s %24s %24s\n", kinds[i], spreadOf(s.rate, "%.0f"), spreadOf(s.cpu, "%.1f"), spreadOf(rate, "%.3f"), spreadOf(cpu, "%.3f"))
	}
	ours, same := servers[3], servers[1]
	fmt.Printf("%-44s %22s %22s %24s %24s\n", "sidecar : bare with the same", "", "", spreadOf(ratios(ours.rate, same.rate), "%.3f"), spreadOf(ratios(same.cpu, ours.cpu), "%.3f"))
	b.ReportMetric(median(ratios(ours.rate, servers[0].rate)), "of-bare")
	b.ReportMetric(median(ratios(ours.rate, same.rate)), "of-same")
}

func startKind(b *testing.B, kind string) *compared {
	b.Helper()
	process := exec.Command("/proc/self/exe")
	process.Env = append(os.Environ(), beServer+"="+kind, "GOMAXPROCS=1")
	out, err := process.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := process.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { process.Process.Kill(); process.Wait() })
	pin(b, process.Process.Pid, 0)
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return &compared{process: process, port: strings.TrimSpace(port)}
}

// pin keeps a process to one core, ours with all its threads, and returns what undoes it.
func pin(b *testing.B, pid, core int) func() {
	threads := []int{pid}
	if pid == 0 {
		threads = nil
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			b.Fatal(err)
		}
		for _, task := range tasks {
			tid, _ := strconv.Atoi(task.Name())
			threads = append(threads, tid)
		}
	}
	var before, set sys.CPUSet
	sys.SchedGetaffinity(0, &before)
	set.Set(core)
	for _, tid := range threads {
		if err := sys.SchedSetaffinity(tid, &set); err != nil {
			b.Logf("cannot keep to one core: %v", err)
		}
	}
	return func() {
		for _, tid := range threads {
			sys.SchedSetaffinity(tid, &before)
		}
	}
}

func (s *compared) round(b *testing.B, d time.Duration) {
	before, begun := s.processorTime(b), time.Now()
	n := s.load(b, d)
	took, spent := time.Since(begun), s.processorTime(b)-before
	s.rate = append(s.rate, float64(n)/took.Seconds())
	s.cpu = append(s.cpu, float64(spent.Microseconds())/float64(n))
}

// processorTime is what all threads of the server have spent. The scheduler's own
// account is in nanoseconds; the one in stat is in hundredths of a second.
func (s *compared) processorTime(b *testing.B) (sum time.Duration) {
	tasks := fmt.Sprintf("/proc/%d/task", s.process.Process.Pid)
	threads, err := os.ReadDir(tasks)
	if err != nil {
		b.Fatal(err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(tasks + "/" + thread.Name() + "/schedstat")
		if err != nil {
			b.Fatal(err)
		}
		ns, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}

// load asks over 32 kept connections and returns how many answers came.
func (s *compared) load(b *testing.B, d time.Duration) int64 {
	const question = "GET /readyz HTTP/1.1\r\nHost: sidecar.railway.internal\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
	var answers atomic.Int64
	var asking sync.WaitGroup
	end := time.Now().Add(d)
	for range 32 {
		asking.Go(func() {
			conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			answer := make([]byte, 4096)
			for time.Now().Before(end) {
				if _, err := conn.Write([]byte(question)); err != nil {
					b.Error(err)
					return
				}
				if n, err := conn.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200") || answer[n-1] != '\n' {
					b.Errorf("%q, %v", answer[:n], err)
					return
				}
				answers.Add(1)
			}
		})
	}
	asking.Wait()
	return answers.Load()
}

func ratios(a, b []float64) []float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = a[i] / b[i]
	}
	return all
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// spreadOf is the median and the middle half.
func spreadOf(all []float64, format string) string {
	sorted := slices.Sorted(slices.Values(all))
	return fmt.Sprintf(format+" ("+format+"-"+format+")", median(all), sorted[len(sorted)/4], sorted[len(sorted)*3/4])
}
