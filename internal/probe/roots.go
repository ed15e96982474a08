package probe

import (
	"crypto/x509"
	"errors"
	"io"
	"os"
	"sync"
)

// maxRoots bounds a file of certificates: all public authorities together are
// less than half a megabyte.
const maxRoots = 4 << 20

// roots are the certificates of the file that sslrootcert names, as they were
// read last. A file that goes away later ends nothing.
type roots struct {
	mu    sync.Mutex // never held while a file is read: a page may ask for the fault
	pool  *x509.CertPool
	fault error
}

// read takes up the file as it is now, and returns what was read last. An error
// means that nothing ever was.
func (r *roots) read(file string) (*x509.CertPool, error) {
	pool, fault := readRoots(file)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault = fault; fault == nil {
		r.pool = pool
	}
	if r.pool == nil {
		return nil, fault
	}
	return r.pool, nil
}

// rootsFile is the file that the DSN's certificates come from, "" when it names
// none, or nothing is encrypted. The name "system" stands for the system's own.
func (p *Prober) rootsFile() string {
	if p.dsn.SSLRootCert == "system" || p.dsn.SSLMode == "disable" {
		return ""
	}
	return p.dsn.SSLRootCert
}

// ReadRoots reads the file that sslrootcert names, if it names one. What is wrong
// with it, [Prober.RootsFault] says.
func (p *Prober) ReadRoots() {
	if file := p.rootsFile(); file != "" {
		_, _ = p.roots.read(file)
	}
}

// RootsFault says what was wrong with the file that sslrootcert names when it was
// read last, nil when it was right or there is none. It reads nothing.
func (p *Prober) RootsFault() error {
	p.roots.mu.Lock()
	defer p.roots.mu.Unlock()
	return p.roots.fault
}

// readRoots reads a file of certificates (PEM). Its errors name the file.
func readRoots(path string) (*x509.CertPool, error) {
	broken := func(what string) error { return &os.PathError{Op: "read", Path: path, Err: errors.New(what)} }
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would keep everybody waiting
		return nil, broken("it is no regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxRoots))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, broken("it holds no certificate")
	}
	return pool, nil
}
