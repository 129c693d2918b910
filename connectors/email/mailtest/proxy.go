package mailtest

import (
	"net"
	"sync"
)

// Proxy is a TCP proxy that breaks connections.
type Proxy struct {
	Port int

	ln net.Listener
	to string
	wg sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	budget int64 // bytes from the server until the cut; < 0 no cut
	silent bool
	closed bool
	count  int
	lost   int64 // bytes swallowed
}

// StartProxy starts a proxy to the address to.
func StartProxy(to string) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Port: ln.Addr().(*net.TCPAddr).Port, ln: ln, to: to, conns: map[net.Conn]bool{}, budget: -1}
	p.wg.Go(p.accept)
	return p, nil
}

// CutAfter breaks all connections once the server has sent n more bytes, once.
func (p *Proxy) CutAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = n
}

// Silence makes the proxy swallow everything, or pass it on again to new
// connections. One that swallowed anything stays silent both ways.
func (p *Proxy) Silence(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = on
}

// Swallowed counts the bytes that were swallowed so far.
func (p *Proxy) Swallowed() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Cut breaks all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Conns counts the connections made so far.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Close ends the proxy.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.ln.Close()
	p.Cut()
	p.wg.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			in.Close()
			out.Close()
			return
		}
		p.count++
		p.conns[in], p.conns[out] = true, true
		p.mu.Unlock()
		deaf := new(bool) // guarded by p.mu
		p.wg.Go(func() { p.pipe(out, in, deaf, false) })
		p.wg.Go(func() { p.pipe(in, out, deaf, true) })
	}
}

// pipe copies until one side ends; fromServer bytes count for the cut.
func (p *Proxy) pipe(dst, src net.Conn, silenced *bool, fromServer bool) {
	defer func() {
		dst.Close()
		src.Close()
		p.mu.Lock()
		delete(p.conns, src)
		p.mu.Unlock()
	}()
	buf := make([]byte, 16<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			p.mu.Lock()
			*silenced = *silenced || p.silent
			deaf := *silenced
			if deaf {
				p.lost += int64(n)
			}
			cut := false
			if fromServer && p.budget >= 0 && !deaf {
				if int64(n) >= p.budget {
					n, cut, p.budget = int(p.budget), true, -1
				} else {
					p.budget -= int64(n)
				}
			}
			p.mu.Unlock()
			if !deaf {
				if _, werr := dst.Write(buf[:n]); werr != nil {
					return
				}
			}
			if cut {
				p.Cut()
				return
			}
		}
		if err != nil {
			return
		}
	}
}
