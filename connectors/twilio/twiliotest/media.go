package twiliotest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cdnPrefix is where the bytes of media are: the API answers with a redirect to a signed URL below it.
const cdnPrefix = "/cdn/"

// mediaFetchTimeout bounds how long the double waits for a MediaUrl.
const mediaFetchTimeout = 15 * time.Second

// acceptedMedia are the beginnings of the content types the vendor takes for outgoing media.
var acceptedMedia = []string{"image/jpeg", "image/jpg", "image/png", "image/gif", "image/bmp", "image/tiff", "image/webp",
	"image/heic", "image/heif", "audio/", "video/", "text/vcard", "text/x-vcard", "text/csv", "text/rtf", "text/richtext",
	"text/calendar", "text/directory", "application/pdf", "application/vcard", "application/vnd.apple.pkpass",
	"application/msword", "application/vnd.openxmlformats-officedocument", "application/vnd.ms-"}

// mediaResource routes Messages/{Sid}/Media and Messages/{Sid}/Media/{Sid}.
func (s *Server) mediaResource(rq *apiRequest, m *Message) (answer, *apiError) {
	s.mu.Lock()
	list := slices.Clone(m.Media)
	s.mu.Unlock()
	if len(rq.parts) == 3 {
		if rq.Method != http.MethodGet {
			return answer{}, notAllowed(rq)
		}
		s.allow(rq, "DateCreated", "DateCreated<", "DateCreated>", "PageSize", "Page", "PageToken")
		within, e := dateFilter(rq.query, "DateCreated")
		if e != nil {
			return answer{}, e
		}
		var items []item
		for _, x := range list {
			if !x.deleted && !x.pending && within(x.created) {
				items = append(items, item{x.SID, func() any { return s.mediaJSON(m.SID, x) }})
			}
		}
		return s.page(rq, "media_list", items)
	}
	i := slices.IndexFunc(list, func(x Media) bool { return x.SID == rq.parts[3] && !x.deleted && !x.pending })
	if i < 0 {
		return answer{}, notFound(rq.URL.Path)
	}
	switch {
	case rq.Method == http.MethodDelete:
		s.update(func() { m.Media[i].deleted, m.Media[i].Data = true, nil })
		return answer{status: http.StatusNoContent}, nil
	case rq.Method != http.MethodGet && rq.Method != http.MethodHead:
		return answer{}, notAllowed(rq)
	case rq.ext == "json":
		return answer{status: 200, json: s.mediaJSON(m.SID, list[i])}, nil
	}
	return s.redirect("/media/"+m.SID+"/"+list[i].SID, rq), nil
}

func (s *Server) mediaJSON(parent string, x Media) map[string]any {
	return map[string]any{"account_sid": s.opt.AccountSID, "content_type": x.ContentType,
		"date_created": rfc2822(x.created), "date_updated": rfc2822(x.created), "parent_sid": parent, "sid": x.SID,
		"uri": s.uri("Messages", parent, "Media", x.SID) + ".json"}
}

// redirect answers with 307 to a URL on another host name that needs no credentials but carries a signature of its own.
func (s *Server) redirect(path string, rq *apiRequest) answer {
	return answer{status: http.StatusTemporaryRedirect, contentType: "text/plain", raw: []byte{},
		location: s.cdn + strings.TrimSuffix(cdnPrefix, "/") + path + "?Signature=" + s.cdnSignature(path)}
}

func (s *Server) cdnSignature(path string) string {
	mac := hmac.New(sha256.New, []byte("cdn "+s.opt.AuthToken))
	mac.Write([]byte(path))
	return hex.EncodeToString(mac.Sum(nil))
}

// serveCDN gives the bytes of media. A request that carries credentials is refused, as signed storage URLs do: clients
// must not pass them on to another place.
func (s *Server) serveCDN(rq *apiRequest) (answer, *apiError) {
	path := "/" + strings.TrimPrefix(rq.URL.Path, cdnPrefix)
	if rq.Header.Get("Authorization") != "" {
		return answer{}, &apiError{status: 400, code: 400, message: "Only one way of authentication is allowed: drop the Authorization header on redirects"}
	}
	if !hmac.Equal([]byte(rq.query.Get("Signature")), []byte(s.cdnSignature(path))) {
		return answer{}, &apiError{status: http.StatusForbidden, code: 403, message: "The signature of the URL is wrong"}
	}
	p := strings.Split(path, "/") // "", "media", message, media
	if len(p) != 4 || p[1] != "media" {
		return answer{}, notFound(rq.URL.Path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messageByID[p[2]]; m != nil {
		for _, x := range m.Media {
			if x.SID == p[3] && !x.deleted {
				return answer{status: 200, contentType: x.ContentType, raw: x.Data}, nil
			}
		}
	}
	return answer{}, notFound(rq.URL.Path)
}

// fetchMedia copies what the application wants sent from its own URLs; it returns the error code with which the message
// fails, or 0.
func (s *Server) fetchMedia(m *Message, urls []string) int {
	total := 0
	for i, u := range urls {
		contentType, data, code := s.fetch(u)
		if code == 0 && !slices.ContainsFunc(acceptedMedia, func(p string) bool { return strings.HasPrefix(contentType, p) }) {
			code = 12300
		}
		if total += len(data); code == 0 && total > maxMediaBytes {
			code = 11751
		}
		if code != 0 {
			return code
		}
		s.update(func() {
			m.Media[i].ContentType, m.Media[i].Data, m.Media[i].pending = contentType, data, false
		})
	}
	return 0
}

func (s *Server) fetch(raw string) (contentType string, data []byte, code int) {
	ctx, cancel := context.WithTimeout(s.ctx, mediaFetchTimeout)
	defer cancel()
	s.mu.Lock()
	target := s.localURL(raw)
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", nil, 11200
	}
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	resp, err := s.out.Do(req)
	if err != nil {
		return "", nil, 11200
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxMediaBytes+1))
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", nil, 11200
	}
	contentType, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(contentType)), data, 0
}
