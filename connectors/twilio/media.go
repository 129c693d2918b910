package twilio

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
	"sync"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

const (
	// maxFetches is how many files of one account are fetched at once.
	maxFetches = 8
	// maxRedirects is how many addresses a file may be forwarded to.
	maxRedirects = 3

	// maxMediaPage is the page size for lists of files; a message has at most ten.
	maxMediaPage = 100
)

// leftError is a file that is left at Twilio for good.
type leftError struct{ text string }

func (e *leftError) Error() string { return e.text }

// fetchAll fetches files side by side. parts are those that came, in their order;
// warnings tell of those that are left at Twilio for good; missing, of those that did
// not come yet, what people are told if they never do.
func (c *Connector) fetchAll(ctx context.Context, files []file) (parts []message.Part, warnings, missing []string) {
	got := make([]message.Part, len(files))
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	for i, f := range files {
		wg.Go(func() {
			got[i], errs[i] = c.inTurn(ctx, f)
		})
	}
	wg.Wait()
	for i, err := range errs {
		var left *leftError
		switch {
		case err == nil:
			got[i].Name = fileName(got[i], i+1)
			parts = append(parts, got[i])
		case errors.As(err, &left):
			warnings = append(warnings, fileLeft(i, files[i], left.text))
		default:
			missing = append(missing, fileLeft(i, files[i], "it could not be fetched"))
			c.log.Warn("a file could not be fetched from Twilio", "type", files[i].contentType, "error", c.safe(plainCause(err)))
		}
	}
	return parts, warnings, missing
}

// fileLeft is the warning of a message of which a file is not here.
func fileLeft(i int, f file, why string) string {
	return fmt.Sprintf("file %d (%s) was left at Twilio: %s", i+1, f.contentType, why)
}

// inTurn fetches one file when not too many are under way.
func (c *Connector) inTurn(ctx context.Context, f file) (message.Part, error) {
	select {
	case c.fetches <- struct{}{}:
		defer func() { <-c.fetches }()
	case <-ctx.Done():
		return message.Part{}, ctx.Err()
	}
	return c.fetch(ctx, f)
}

// fetch brings one file. Our credentials go to the API's own host only: the host
// to which it forwards gets none, and has to be one of Twilio's.
func (c *Connector) fetch(ctx context.Context, f file) (message.Part, error) {
	if !c.wanted(f.contentType) && f.contentType != "application/octet-stream" {
		return message.Part{}, &leftError{"files of this type are not taken in"}
	}
	address := c.set.api + f.path
	for hop := 0; ; hop++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return message.Part{}, err
		}
		req.Header.Set("User-Agent", "throughline")
		if hop == 0 {
			req.SetBasicAuth(c.set.user, c.set.password)
		}
		resp, err := c.client.Do(req)
		if err != nil {
			return message.Part{}, err
		}
		part, next, err := c.receive(resp, f)
		resp.Body.Close()
		if next == "" {
			return part, err
		}
		if hop == maxRedirects {
			return message.Part{}, errors.New("the file is forwarded too often")
		}
		to, err := req.URL.Parse(next)
		if err != nil || !c.trusted(to) {
			return message.Part{}, &leftError{"it is forwarded to a place that is not Twilio's"}
		}
		address = to.String()
	}
}

// trusted tells whether a file may be fetched from an address that Twilio
// forwarded to.
func (c *Connector) trusted(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if c.set.insecure && u.Scheme == "http" && isLoopback(host) {
		return true // a double of Twilio on this machine
	}
	if u.Scheme != "https" || u.User != nil || u.Port() != "" && u.Port() != "443" {
		return false
	}
	return strings.HasSuffix(host, ".twilio.com") || strings.HasSuffix(host, ".twiliocdn.com") ||
		// Where media lay before it had a host name of Twilio's own.
		host == "s3-external-1.amazonaws.com" && strings.HasPrefix(u.Path, "/media.twiliocdn.com/")
}

// receive reads an answer, or says where it forwards to.
func (c *Connector) receive(resp *http.Response, f file) (p message.Part, next string, err error) {
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.Header.Get("Location") != "":
		return p, resp.Header.Get("Location"), nil
	case resp.StatusCode == http.StatusGone:
		return p, "", &leftError{"it was deleted at Twilio"}
	case resp.StatusCode != http.StatusOK:
		return p, "", &apiError{status: resp.StatusCode}
	}
	p.ContentType = f.contentType
	if t := mediaType(resp.Header.Get("Content-Type")); t != "application/octet-stream" {
		p.ContentType = t
	}
	switch {
	case c.wanted(p.ContentType):
	case f.recording:
		return p, "", errors.New("in its place comes something of the type " + oneLine(p.ContentType))
	default:
		return p, "", &leftError{"files of the type " + p.ContentType + " are not taken in"}
	}
	limit := c.set.fileBytes
	if resp.ContentLength > limit {
		return p, "", tooLarge(limit)
	}
	p.Content, err = connectors.Spool(c.host.TempDir, resp.Body, limit)
	if errors.Is(err, connectors.ErrTooLarge) {
		err = tooLarge(limit)
	}
	if err != nil {
		return p, "", err
	}
	p.Size = p.Content.Size()
	if resp.ContentLength >= 0 && p.Size != resp.ContentLength || f.recording && p.Size == 0 {
		connectors.Drop([]message.Part{p})
		return p, "", io.ErrUnexpectedEOF
	}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		p.Name = shorten(cleanLine(path.Base(strings.ReplaceAll(params["filename"], `\`, "/"))), maxNameRunes)
	}
	return p, "", nil
}

func tooLarge(limit int64) error {
	return &leftError{fmt.Sprintf("it is larger than the limit of %d MiB", limit>>20)}
}

// wanted tells whether files of a type are taken in.
func (c *Connector) wanted(contentType string) bool {
	for _, pattern := range c.set.types {
		if ok, _ := path.Match(pattern, contentType); ok {
			return true
		}
	}
	return false
}

// endings are the file name endings of what phones send.
var endings = map[string]string{
	"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/heic": ".heic",
	"audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "audio/amr": ".amr", "audio/aac": ".aac", "audio/wav": ".wav",
	"video/mp4": ".mp4", "video/3gpp": ".3gp", "video/quicktime": ".mov", "video/webm": ".webm",
	"application/pdf": ".pdf", "text/plain": ".txt", "text/vcard": ".vcf", "text/x-vcard": ".vcf", "text/directory": ".vcf",
	"text/calendar": ".ics", "text/csv": ".csv",
}

// fileName gives a file a name if the sender did not.
func fileName(p message.Part, n int) string {
	if p.Name != "" && p.Name != "." && p.Name != "/" {
		return p.Name
	}
	kind, _, _ := strings.Cut(p.ContentType, "/")
	if kind == "application" || kind == "text" {
		kind = "file"
	}
	return fmt.Sprintf("%s-%d%s", kind, n, endings[p.ContentType])
}

// filesOf asks Twilio for the files of a message.
func (c *Connector) filesOf(ctx context.Context, sid string) ([]file, error) {
	params := &openapi.ListMediaParams{}
	params.SetPageSize(maxMediaPage)
	page, err := c.rest(ctx).PageMedia(sid, params, "", "")
	if err != nil {
		return nil, err
	}
	var out []file
	for _, m := range page.MediaList {
		p := "/2010-04-01/Accounts/" + c.set.account + "/Messages/" + sid + "/Media/" + text(m.Sid)
		if c.ownMedia(p, sid) && len(out) < maxMedia {
			out = append(out, file{path: p, contentType: mediaType(text(m.ContentType))})
		}
	}
	return out, nil
}
