package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Limits of the image proxy.
const (
	imageBytes     = 8 << 20
	imageTime      = 15 * time.Second
	imageRedirects = 4
	imageFetches   = 16 // at the same time
)

// imageTypes is what the proxy passes on; the browser is told not to guess.
var imageTypes = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "image/avif": true, "image/bmp": true, "image/x-icon": true, "image/vnd.microsoft.icon": true,
}

// imageProxy fetches the remote pictures of messages, so that their senders see
// the hub and not the reader. It only fetches addresses that it has signed
// itself, and never from networks that only the hub can reach.
type imageProxy struct {
	client *http.Client
	slots  chan struct{}
}

func newImageProxy() *imageProxy {
	// The address is checked when the connection is made, after the name has
	// been looked up: a name that changes its mind gains nothing.
	dialer := &net.Dialer{Timeout: imageTime, Control: func(_, address string, _ syscall.RawConn) error { return publicAddress(address) }}
	return &imageProxy{
		slots: make(chan struct{}, imageFetches),
		client: &http.Client{
			Timeout: imageTime,
			Transport: &http.Transport{
				Proxy: nil, DialContext: dialer.DialContext, TLSHandshakeTimeout: imageTime, ResponseHeaderTimeout: imageTime,
				MaxResponseHeaderBytes: 64 << 10, MaxIdleConns: imageFetches, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
			},
			CheckRedirect: func(req *http.Request, via []*http.Request) error {
				if len(via) > imageRedirects {
					return errors.New("too many redirects")
				}
				return remoteURL(req.URL)
			},
		},
	}
}

// errNotPublic stands for every address that the proxy stays away from; it says
// nothing of what is there.
var errNotPublic = errors.New("not an address of the public internet")

// publicAddress refuses "ip:port" of networks that are not the public internet.
func publicAddress(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errNotPublic
	}
	ip := ap.Addr().WithZone("").Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return errNotPublic
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return errNotPublic
		}
	}
	return nil
}

// notPublic are the special networks that netip does not tell (IANA special-
// purpose address registries): "this network", carrier NAT, protocol
// assignments, documentation, benchmarks, reserved; for IPv6 the ways to write
// an IPv4 address in it, documentation, and site-local.
var notPublic = func() (list []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

// remoteURL refuses what is not a plain web address.
func remoteURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return errors.New("not a web address")
	}
	switch u.Port() {
	case "", "80", "443", "8080", "8443":
	default:
		return errors.New("not a port of the web")
	}
	return nil
}

// imageURL is the address by which a remote picture is fetched through the hub.
func (s *Server) imageURL(remote string) string {
	return s.signer.sign("/api/image?url=" + url.QueryEscape(remote))
}

type imageIn struct {
	URL string `query:"url" required:"true" maxLength:"8000"`
	SignedAddress
}

// SignedAddress are the parameters of a signed address; guard has checked them.
type SignedAddress struct {
	Expires int64  `query:"expires" doc:"Of a signed address."`
	Sig     string `query:"sig" maxLength:"100" doc:"Of a signed address, which needs no session."`
}

func (s *Server) getImage(ctx context.Context, i *imageIn) (*huma.StreamResponse, error) {
	if i.Sig == "" {
		// With a session alone anybody could have the hub ask any address.
		return nil, errNotSigned
	}
	resp, kind, err := s.images.fetch(ctx, i.URL)
	if err != nil {
		s.log.Debug("remote picture not fetched", "error", err)
		return nil, &problemError{status: 502, detail: "the picture cannot be fetched: " + imageTrouble(err)}
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer resp.Body.Close()
		_, w := humago.Unwrap(ctx)
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Cache-Control", "private, max-age=86400")
		h.Set("Content-Disposition", "inline")
		protect(h, fileCSP)
		h.Set("Cross-Origin-Resource-Policy", "cross-origin") // see sign.go
		// One byte more than is allowed breaks the picture off.
		if n, err := io.Copy(w, io.LimitReader(resp.Body, imageBytes+1)); err != nil || n > imageBytes {
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// imageTrouble says what kept a picture away without telling what is inside the
// network of the hub.
func imageTrouble(err error) string {
	var own *imageError
	if errors.As(err, &own) {
		return own.text
	}
	return "its server does not answer"
}

type imageError struct{ text string }

func (e *imageError) Error() string { return e.text }

// fetch asks for a picture and looks at the head of the answer; the caller
// closes its body.
func (p *imageProxy) fetch(ctx context.Context, remote string) (*http.Response, string, error) {
	u, err := url.Parse(remote)
	if err != nil {
		return nil, "", &imageError{"its address is broken"}
	}
	if err := remoteURL(u); err != nil {
		return nil, "", &imageError{"its address is " + err.Error()}
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", &imageError{"its address is broken"}
	}
	req.Header.Set("Accept", "image/avif,image/webp,image/png,image/*;q=0.8")
	req.Header.Set("User-Agent", "Throughline image proxy")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	kind := mediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode != http.StatusOK:
		err = &imageError{fmt.Sprintf("its server answers %d", resp.StatusCode)}
	case !imageTypes[kind]:
		err = &imageError{"it is not a picture"}
	case resp.ContentLength > imageBytes:
		err = &imageError{fmt.Sprintf("it is larger than %d MiB", imageBytes>>20)}
	}
	if err != nil {
		resp.Body.Close()
		return nil, "", err
	}
	return resp, kind, nil
}
