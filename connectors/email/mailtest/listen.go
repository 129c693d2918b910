package mailtest

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports that the systems give to nobody by themselves: Linux begins at 32768, others
// later.
const lowPort, highPort = 10000, 32000

// FreePort is a port of 127.0.0.1 on which nobody listens now, and which no other
// program is given by chance later: a server can be stopped, and start on it again.
func FreePort() (int, error) {
	var err error
	for range 100 {
		port := lowPort + rand.IntN(highPort-lowPort)
		var ln net.Listener
		if ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, ln.Close()
		}
	}
	return 0, err
}

// listen opens a port of a server: "" is a free one of 127.0.0.1. With implicit set
// it speaks TLS from the first byte.
func listen(addr string, config *tls.Config, implicit bool) (ln net.Listener, port int, err error) {
	if addr == "" {
		if port, err = FreePort(); err != nil {
			return nil, 0, err
		}
		addr = fmt.Sprintf("127.0.0.1:%d", port)
	}
	if ln, err = net.Listen("tcp", addr); err != nil {
		return nil, 0, err
	}
	port = ln.Addr().(*net.TCPAddr).Port
	if implicit {
		ln = tls.NewListener(ln, config)
	}
	return ln, port, nil
}
