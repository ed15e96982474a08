package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"dragonfly.internal/sidecar/internal/proxy/budget"
)

// bufferSize is what one read may bring; more makes nothing faster. A buffer is taken
// when there is something to read and given back when that is written: idle connections
// have none, and a client that does not read costs one.
const bufferSize = 16 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// Once one end has hung up, the other has so long where nothing more is to be
// expected of it: a client after the server has ended, and a server that still owes
// the answer to a login of a client that is gone.
const afterEnd = time.Minute

// relay passes bytes on until both sides have ended, or one has broken off.
func relay(client, server *net.TCPConn, login *login) {
	var down sync.WaitGroup
	down.Go(func() {
		err := pass(client, server, budget.Server, login)
		login.end(budget.Server)
		if err != nil {
			abort(client)
			abort(server)
			return
		}
		client.CloseWrite()
		client.SetReadDeadline(time.Now().Add(afterEnd))
	})
	err := pass(server, client, budget.Client, login)
	login.end(budget.Client)
	pending := !login.settled.Load()
	if pending { // the server judges what the client said last, and we want to hear it
		server.SetReadDeadline(time.Now().Add(afterEnd))
	}
	if err != nil && !pending {
		abort(server)
	}
	server.CloseWrite()
	down.Wait()
}

// abort makes the close of a connection a reset, as the other end's was.
func abort(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}

// errTooLate ends a client that goes on with its login when there is no place for it,
// or when the door has closed: connections that are open stay so, and this is none yet.
var errTooLate = errors.New("too late for the rest of the login")

// pass copies from one side to the other until the side ends: nil, or an error when
// it broke off. What cannot be written is an end of the other side, which its own
// reader will meet; reading goes on so that the sender isn't blocked for ever.
func pass(to, from *net.TCPConn, side budget.Side, login *login) error {
	reader, err := newReader(from)
	if err != nil {
		return err
	}
	writer, err := newWriter(to)
	if err != nil {
		return err
	}
	for {
		buffer, n, err := reader.read()
		if err != nil {
			if err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
		if !login.settled.Load() {
			if side == budget.Client && !login.goesOn(n) {
				buffers.Put(buffer)
				return errTooLate
			}
			login.saw(side, n)
		}
		err = writer.write((*buffer)[:n])
		buffers.Put(buffer)
		if err != nil && side == budget.Client {
			return err
		}
		if err != nil { // the client is gone: what the server says only tells how the login ended
			if login.settled.Load() {
				return err
			}
		}
	}
}

// reader reads into a buffer that it takes only when there is something to read.
type reader struct {
	raw    syscall.RawConn
	buffer *[]byte
	n      int
	err    error
	try    func(fd uintptr) bool // made once, since each would be an allocation
}

func newReader(conn *net.TCPConn) (*reader, error) {
	raw, err := conn.SyscallConn()
	r := &reader{raw: raw}
	r.try = func(fd uintptr) bool {
		buffer := buffers.Get().(*[]byte)
		r.n, r.err = readNow(fd, *buffer)
		if r.n > 0 {
			r.buffer = buffer
			return true
		}
		buffers.Put(buffer)
		return r.err != syscall.EAGAIN
	}
	return r, err
}

// read returns the next bytes in a buffer that has to be put back.
func (r *reader) read() (*[]byte, int, error) {
	if err := r.raw.Read(r.try); err != nil {
		return nil, 0, err
	}
	switch {
	case r.n > 0:
		buffer := r.buffer
		r.buffer = nil
		return buffer, r.n, nil
	case r.err != nil:
		return nil, 0, os.NewSyscallError("read", r.err)
	}
	return nil, 0, io.EOF
}

// writer writes as the reader reads.
type writer struct {
	raw  syscall.RawConn
	left []byte // to be written
	err  error
	try  func(fd uintptr) bool // made once
}

func newWriter(conn *net.TCPConn) (*writer, error) {
	raw, err := conn.SyscallConn()
	w := &writer{raw: raw}
	w.try = func(fd uintptr) bool {
		for w.err = nil; len(w.left) > 0 && w.err == nil; {
			var n int
			n, w.err = writeNow(fd, w.left)
			w.left = w.left[n:]
		}
		return w.err != syscall.EAGAIN
	}
	return w, err
}

// write returns once all is written, or cannot be.
func (w *writer) write(text []byte) error {
	w.left = text
	defer func() { w.left = nil }() // the buffer is somebody else's then
	if err := w.raw.Write(w.try); err != nil {
		return err
	}
	return w.err
}
