package realpeer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// CA is a certificate authority made for one test.
type CA struct {
	PEM  []byte // for a client's sslrootcert
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Certificate is a server's certificate and key.
type Certificate struct {
	CertPEM, KeyPEM []byte
}

// NewCA makes a certificate authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{key: newKey(t)}
	sheet := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "realpeer test CA"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	ca.cert, ca.PEM = sign(t, sheet, sheet, ca.key, ca.key)
	return ca
}

// Issue makes a server certificate for the names, host names or addresses.
func (ca *CA) Issue(t testing.TB, names ...string) *Certificate {
	t.Helper()
	sheet := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			sheet.IPAddresses = append(sheet.IPAddresses, ip)
		} else {
			sheet.DNSNames = append(sheet.DNSNames, name)
		}
	}
	key := newKey(t)
	_, certPEM := sign(t, sheet, ca.cert, key, ca.key)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Certificate{certPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign fills in what every certificate has and signs it for a day.
func sign(t testing.TB, sheet, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, []byte) {
	t.Helper()
	sheet.SerialNumber = big.NewInt(time.Now().UnixNano())
	sheet.NotBefore = time.Now().Add(-time.Hour)
	sheet.NotAfter = time.Now().Add(24 * time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, sheet, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
