package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"throughline/connectors"
	"throughline/message"
)

const (
	// maxPerMessage is how many files of one message are taken.
	maxPerMessage = 50
	// maxHops is how many addresses a file may be forwarded to.
	maxHops = 3
)

// leftError is a file that is left at Slack for good.
type leftError struct{ text string }

func (e *leftError) Error() string { return e.text }

// waiting is the warning of a message of which files did not come with it.
const waiting = "files of it were still being fetched from Slack when it came; they are added as soon as they are here"

// filesOf fetches the files of a message. lost says of each that did not come why not; the
// next look brings all of them.
func (c *Connector) filesOf(ctx context.Context, list []file, within time.Duration, m *message.Message) (parts []message.Part, lost []string) {
	fetching, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if len(list) > maxPerMessage {
		m.Warnings = append(m.Warnings, fmt.Sprintf("of %d files only %d were taken in", len(list), maxPerMessage))
		list = list[:maxPerMessage]
	}
	for i, f := range list {
		p, err := c.file(fetching, f)
		var left *leftError
		switch {
		case err == nil:
			if p.Name == "" {
				p.Name = fmt.Sprintf("file-%d", i+1)
			}
			parts = append(parts, p)
		case errors.As(err, &left):
			m.Warnings = append(m.Warnings, fmt.Sprintf("file %d (%s) was left at Slack: %s", i+1, fileName(f.name), left.text))
		default:
			if ctx.Err() == nil && fetching.Err() == nil {
				c.log.Warn("a file could not be fetched from Slack", "file", f.id, "error", plainCause(err))
			}
			lost = append(lost, fmt.Sprintf("file %d (%s) could not be fetched from Slack: %s", i+1, fileName(f.name), plainCause(err)))
		}
	}
	if len(lost) > 0 {
		m.Warnings = append(m.Warnings, waiting)
	}
	return parts, lost
}

// file fetches one file.
func (c *Connector) file(ctx context.Context, f file) (message.Part, error) {
	switch f.mode {
	case "tombstone", "hidden_by_limit":
		return message.Part{}, &leftError{"it was deleted, or is hidden by the workspace's plan"}
	case "external":
		return message.Part{}, &leftError{"it lies outside of Slack"}
	case "file_access":
		// In a Slack Connect channel: the file has to be asked for.
		asked, err := c.askFile(ctx, f.id)
		if is(err, "file_not_found", "file_deleted", "access_denied", "missing_scope") {
			return message.Part{}, &leftError{err.Error()}
		}
		if err != nil {
			return message.Part{}, err
		}
		f = readFile(asked)
		if f.mode == "file_access" {
			return message.Part{}, &leftError{"Slack does not give it out"}
		}
	}
	if f.url == "" {
		return message.Part{}, &leftError{"Slack names no address for it"}
	}
	if f.size > c.set.fileBytes {
		return message.Part{}, tooLarge(c.set.fileBytes)
	}
	at, err := url.Parse(f.url)
	if err != nil || !c.set.trusted(at) {
		return message.Part{}, &leftError{"its address is not one of Slack's"}
	}
	return c.download(ctx, f, at)
}

// askFile asks Slack what a file is.
func (c *Connector) askFile(ctx context.Context, id string) (bag, error) {
	x, err := c.api.read(ctx, "files.info", func(ctx context.Context) error {
		_, _, _, err := c.api.GetFileInfoContext(ctx, id, 0, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return x.body.sub("file"), nil
}

// download fetches what lies at an address of Slack's. slack-go would do it too, but
// tells neither kind nor length of what comes.
func (c *Connector) download(ctx context.Context, f file, at *url.URL) (message.Part, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return message.Part{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.set.bot)
	resp, err := c.api.files.Do(req)
	if err != nil {
		return message.Part{}, err
	}
	defer resp.Body.Close()
	return c.receive(resp, f)
}

// Picture fetches the picture of a member, which is public: the token stays here.
func (c *Connector) Picture(ctx context.Context, name string) ([]byte, error) {
	at, err := url.Parse(name)
	if err != nil || !c.set.trusted(at) {
		return nil, &leftError{"its address is not one of Slack's"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.api.files.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &apiError{method: "picture", status: resp.StatusCode}
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, connectors.MaxPicture+1))
	if err == nil && len(b) > connectors.MaxPicture {
		err = &leftError{"it is larger than a picture of a person"}
	}
	return b, err
}

var _ connectors.Picturer = (*Connector)(nil)

// follow is what is done where a file is forwarded to. The token goes to hosts of
// Slack's only; others get nothing at all.
func (s *settings) follow(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxHops || !s.trusted(req.URL):
		return &leftError{"it is forwarded to a place that is not Slack's"}
	case req.URL.Path == "/" || strings.Contains(req.URL.RawQuery, "redir="):
		// Slack sends whom it does not know to its front page.
		return &leftError{"Slack does not give it to the app; check the scope files:read"}
	}
	if token := via[0].Header.Get("Authorization"); token != "" {
		req.Header.Set("Authorization", token)
	}
	return nil
}

// trusted tells whether the token may go to an address.
func (s *settings) trusted(u *url.URL) bool {
	if u.User != nil {
		return false
	}
	if strings.EqualFold(u.Host, s.host) && (u.Scheme == "https" || s.insecure && u.Scheme == "http") {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") &&
		(host == "slack.com" || strings.HasSuffix(host, ".slack.com") || strings.HasSuffix(host, ".slack-edge.com") ||
			host == "slack-gov.com" || strings.HasSuffix(host, ".slack-gov.com"))
}

// receive reads an answer.
func (c *Connector) receive(resp *http.Response, f file) (p message.Part, err error) {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return p, &leftError{"it was deleted"}
	case resp.StatusCode != http.StatusOK:
		return p, &apiError{method: "download", status: resp.StatusCode, after: retryAfter(resp.Header.Get("Retry-After"))}
	case kind == "text/html" && f.kind != "text/html":
		// The page where people log in, with 200.
		return p, &leftError{"Slack does not give it to the app; check the scope files:read"}
	case resp.ContentLength > c.set.fileBytes:
		return p, tooLarge(c.set.fileBytes)
	}
	p.ContentType, p.Name = strings.ToLower(f.kind), fileName(f.name)
	if p.ContentType == "" {
		p.ContentType = kind
	}
	if kind, _, err := mime.ParseMediaType(p.ContentType); err == nil {
		p.ContentType = kind
	} else {
		p.ContentType = "application/octet-stream"
	}
	p.Content, err = connectors.Spool(c.host.TempDir, resp.Body, c.set.fileBytes)
	if errors.Is(err, connectors.ErrTooLarge) {
		err = tooLarge(c.set.fileBytes)
	}
	if err != nil {
		return p, err
	}
	p.Size = p.Content.Size()
	if resp.ContentLength >= 0 && p.Size != resp.ContentLength {
		connectors.Drop([]message.Part{p})
		return p, io.ErrUnexpectedEOF
	}
	return p, nil
}

func tooLarge(limit int64) error {
	return &leftError{fmt.Sprintf("it is larger than the limit of %d MiB", limit>>20)}
}

// fileName makes a name safe to show and to save under.
func fileName(s string) string {
	s = shorten(oneLine(path.Base(strings.ReplaceAll(s, `\`, "/"))), maxNameRunes)
	if s == "." || s == "/" || s == ".." {
		return ""
	}
	return s
}
