package slacktest

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxUpload is the largest file that is taken: Slack's is 1 GB, a test needs
// less.
const maxUpload = 64 << 20

func (w *workspace) addFile(u *User, name, title, kind string, content []byte) *File {
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	if kind == "" {
		kind = http.DetectContentType(content)
	}
	kind, _, _ = strings.Cut(kind, ";")
	f := &File{
		ID: w.id("F"), Name: name, Title: title, MIMEType: kind, Content: content, user: u, created: seconds(w.now()), size: len(content),
		shares: map[*Channel][]string{},
	}
	w.files = append(w.files, f)
	return f
}

func uploadURL(c *call) (obj, error) {
	name, err := c.need("filename")
	if err != nil {
		return nil, err
	}
	length, err := c.need("length")
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n <= 0:
		return nil, missing("[ERROR] must be greater than 0 [json-pointer:/length]")
	case n > maxUpload:
		return nil, fail("file_upload_size_restricted")
	}
	f := c.s.addFile(c.s.app, name, "", "", nil)
	f.size, f.altText = n, c.text("alt_txt")
	key := secret(40)
	c.s.api.uploads[key] = f
	return obj{"upload_url": c.s.base + "/upload/v1/" + key, "file_id": f.ID}, nil
}

// serveUpload takes the bytes of a file, plain or as a form with one file.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	fault := s.fault("upload")
	note := func(result string) { s.note(&call{method: "upload"}, result) }
	if fault.before(w, r, note) {
		return
	}
	s.mu.Lock()
	f := s.api.uploads[r.PathValue("key")]
	s.mu.Unlock()
	if f == nil || f.uploaded {
		http.Error(w, "unknown or used upload address", http.StatusNotFound)
		return
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxUpload+1<<20))
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		parts, err := r.MultipartReader()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for {
			p, err := parts.NextPart()
			if err != nil {
				http.Error(w, "no file in the form", http.StatusBadRequest)
				return
			}
			if p.FileName() != "" {
				body = p
				break
			}
		}
	}
	content, err := io.ReadAll(body)
	if err != nil {
		http.Error(w, "the upload broke off", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	f.uploaded, f.Content = true, content
	wrong := len(content) != f.size
	if wrong {
		s.odd = append(s.odd, fmt.Sprintf("upload of %s: %d bytes, %d were announced", f.Name, len(content), f.size))
		f.size = len(content)
	}
	s.touch()
	s.mu.Unlock()
	if fault.after(w, note) {
		return
	}
	note("")
	fmt.Fprintf(w, "OK - %d", len(content))
}

// completeUpload makes uploaded files known, and shares them in one message when
// channels are named. Slack makes the message a little later; its ts is found
// with files.info, not here.
func completeUpload(c *call) (obj, error) {
	var list []struct{ ID, Title string }
	if found, err := c.structure("files", &list); !found || err != nil || len(list) == 0 {
		return nil, missing("[ERROR] missing required field: files")
	}
	var files []*File
	for _, item := range list {
		f := c.s.file(item.ID)
		if f == nil || f.user != c.s.app || !f.uploaded || f.complete {
			return nil, fail("file_not_found")
		}
		files = append(files, f)
	}
	var to []*Channel
	ids := c.text("channels")
	if id := c.text("channel_id"); id != "" {
		ids = id
	}
	for id := range strings.SplitSeq(ids, ",") {
		if id == "" {
			continue
		}
		ch := c.s.channel(strings.TrimSpace(id))
		switch {
		case ch == nil || !c.s.visible(ch):
			return nil, fail("channel_not_found")
		case !ch.has(c.s.app):
			return nil, fail("not_in_channel")
		case ch.archived:
			return nil, fail("is_archived")
		}
		to = append(to, ch)
	}
	thread := ""
	if c.text("thread_ts") != "" {
		if len(to) != 1 {
			return nil, fail("invalid_arguments")
		}
		var err error
		if thread, err = c.thread(to[0]); err != nil {
			return nil, err
		}
	}
	var views []any
	for i, f := range files {
		f.complete = true
		if list[i].Title != "" {
			f.Title = list[i].Title
		}
		views = append(views, c.s.fileView(f, false))
	}
	for _, ch := range to {
		m := &message{
			channel: ch, user: c.s.app, subtype: "file_share", threadTS: thread, text: kept(c.text("initial_comment"), true),
			files: slices.Clone(files), byApp: true,
		}
		c.s.add(m)
		c.s.emitMessage(m)
	}
	return obj{"files": views}, nil
}

// readable says that the app may see a file: its own, or one in a channel it is in.
func (w *workspace) readable(f *File) bool {
	if f.user == w.app {
		return f.uploaded
	}
	for c := range f.shares {
		if c.has(w.app) {
			return true
		}
	}
	return false
}

func filesInfo(c *call) (obj, error) {
	id, err := c.need("file")
	if err != nil {
		return nil, err
	}
	f := c.s.file(id)
	switch {
	case f == nil || !c.s.readable(f):
		return nil, fail("file_not_found")
	case f.deleted:
		return nil, fail("file_deleted")
	}
	return obj{"file": c.s.fileView(f, true), "comments": []any{}, "response_metadata": cursor("")}, nil
}

// serveFile sends a file to those with a token and everyone else to the page
// where people log in, which answers 200 with HTML: that is what Slack does.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	fault := s.fault("download")
	note := func(result string) { s.note(&call{method: "download"}, result) }
	if fault.before(w, r, note) {
		return
	}
	_, id, _ := strings.Cut(r.PathValue("key"), "-")
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	f := s.file(id)
	allowed := token == s.BotToken && s.hasScope("files:read") && !s.api.revoked && !s.api.removed && f != nil && s.readable(f)
	gone := f != nil && f.deleted
	s.mu.Unlock()
	if allowed && (fault == nil || !fault.CutAfter) {
		note("")
	}
	switch {
	case !allowed:
		note("no access")
		http.Redirect(w, r, "/?redir="+url.QueryEscape(r.URL.Path), http.StatusFound)
	case gone || r.PathValue("name") != f.Name:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", f.MIMEType)
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Content)))
		half := len(f.Content)
		if fault != nil && fault.CutAfter {
			half /= 2 // the connection breaks on the way
			note(fault.String())
		}
		w.Write(f.Content[:half])
		if half < len(f.Content) {
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
}

func serveLogin(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to your workspace</body></html>")
}

// serveAvatar draws a picture for a person: one colour for each.
func (s *Server) serveAvatar(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(r.PathValue("name"), ".png")
	part := strings.Split(name, "-")
	size, err := strconv.Atoi(part[len(part)-1])
	if err != nil || size < 1 || size > 512 || len(part) != 3 {
		http.NotFound(w, r)
		return
	}
	h := fnv.New32a()
	h.Write([]byte(part[0] + part[1]))
	n := h.Sum32()
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.RGBA{uint8(n), uint8(n >> 8), uint8(n >> 16), 255}})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(b.Bytes())
}

// serveArchive is where permalinks lead: the text of the message.
func (s *Server) serveArchive(w http.ResponseWriter, r *http.Request) {
	p := strings.TrimPrefix(r.PathValue("message"), "p")
	s.mu.Lock()
	var text string
	c := s.channel(r.PathValue("channel"))
	found := false
	if c != nil && len(p) > 6 {
		if m := c.find(p[:len(p)-6] + "." + p[len(p)-6:]); m != nil {
			text, found = m.text, true
		}
	}
	s.mu.Unlock()
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, text)
}
