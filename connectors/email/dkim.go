package email

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// minRSABits is the smallest RSA key that verifiers accept (RFC 8301).
const minRSABits = 1024

type dkimKey struct {
	domain, selector string
	signer           crypto.Signer
}

// signedFields are the header fields under the signature (RFC 6376 section
// 5.4.1). From, To, Cc and Subject are listed twice, so that nobody can add a
// second one behind our back.
var signedFields = []string{"From", "From", "To", "To", "Cc", "Cc", "Subject", "Subject", "Date", "Message-ID",
	"Reply-To", "In-Reply-To", "References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted",
	"List-Unsubscribe", "List-Unsubscribe-Post"}

// parseDKIMKey reads a private key in PEM form, PKCS #8 or PKCS #1. Its errors
// never quote the key.
func parseDKIMKey(text string) (crypto.Signer, error) {
	block, _ := pem.Decode([]byte(strings.TrimSpace(text) + "\n"))
	if block == nil {
		return nil, errors.New("must be a private key in PEM form, beginning with -----BEGIN PRIVATE KEY-----")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("is a PEM block %q; a private key that is not encrypted is needed", block.Type)
	}
	if err != nil {
		return nil, errors.New("is damaged or not a private key")
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("has %d bits; %d or more are needed", key.N.BitLen(), minRSABits)
		}
		return key, nil
	}
	return nil, errors.New("must be an RSA or an Ed25519 key")
}

// sign reads a whole mail from write and returns its DKIM-Signature field, with
// the line end. Both canonicalisations are relaxed: mail servers on the way
// refold headers and trim lines.
func (k *dkimKey) sign(write func(io.Writer) error) (string, error) {
	s, err := dkim.NewSigner(&dkim.SignOptions{
		Domain: k.domain, Selector: k.selector, Signer: k.signer,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             signedFields,
	})
	if err != nil {
		return "", err
	}
	if err := write(s); err != nil {
		s.Close()
		return "", err
	}
	if err := s.Close(); err != nil {
		return "", err
	}
	return s.Signature(), nil
}
