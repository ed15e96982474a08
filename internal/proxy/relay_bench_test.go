package proxy

import (
	"io"
	"net"
	"sync"
	"testing"

	"dragonfly.internal/sidecar/internal/proxy/budget"
)

// BenchmarkRelay compares the relay's own loop with splice(2), which is what
// io.Copy between two TCP connections comes to: small questions and answers on
// eight connections, and one long result.
func BenchmarkRelay(b *testing.B) {
	loop := func(to, from *net.TCPConn) {
		l := &login{}
		l.settled.Store(true)
		pass(to, from, budget.Client, l)
		to.CloseWrite()
	}
	splice := func(to, from *net.TCPConn) {
		io.Copy(to, from)
		to.CloseWrite()
	}
	for name, copying := range map[string]func(to, from *net.TCPConn){"loop": loop, "splice": splice} {
		b.Run(name+"/small", func(b *testing.B) {
			var clients sync.WaitGroup
			for range 8 {
				client, server := between(b, copying)
				go func() {
					text := make([]byte, 256)
					for {
						if _, err := io.ReadFull(server, text[:64]); err != nil {
							return
						}
						server.Write(text)
					}
				}()
				clients.Go(func() {
					text := make([]byte, 256)
					for range b.N {
						client.Write(text[:64])
						if _, err := io.ReadFull(client, text); err != nil {
							b.Error(err)
							return
						}
					}
					client.Close()
				})
			}
			clients.Wait()
		})
		b.Run(name+"/long", func(b *testing.B) {
			const size = 1 << 20
			b.SetBytes(size)
			client, server := between(b, copying)
			go func() {
				text := make([]byte, 8<<10)
				for range b.N * (size / len(text)) {
					server.Write(text)
				}
				server.CloseWrite()
			}()
			if n, err := io.Copy(io.Discard, client); n != int64(b.N)*size {
				b.Errorf("%d bytes, %v", n, err)
			}
			client.Close()
		})
	}
}

// between are the two ends of a connection with a relay in its middle.
func between(b *testing.B, copying func(to, from *net.TCPConn)) (client, server *net.TCPConn) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	pair := func() (near, far *net.TCPConn) {
		a, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		c, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		return a.(*net.TCPConn), c.(*net.TCPConn)
	}
	client, left := pair()
	right, server := pair()
	go copying(right, left)
	go copying(left, right)
	b.Cleanup(func() {
		for _, conn := range []net.Conn{client, left, right, server} {
			conn.Close()
		}
	})
	return client, server
}
