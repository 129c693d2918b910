package api

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"throughline/auth"
	"throughline/documents"
	"throughline/store"
)

// linkPath is where links to documents begin; the token follows.
const linkPath = "/d/"

// noRobots keeps what links lead to out of search engines.
const noRobots = "noindex, nofollow, noarchive"

// linkCSP is the policy of the page of a link: a form, and nothing that runs.
const linkCSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

//go:embed documents_shared.html
var linkPageHTML string

var linkPage = template.Must(template.New("link").Parse(linkPageHTML))

// linkText are the texts of the page in one language.
type linkText struct {
	Title, Until, Locked, Password, Wrong, Download string
	Problems                                        map[string]string // by documents.LinkError.Why; "" is any other
}

var linkTexts = map[string]linkText{
	"en": {"A document for you", "available until", "Type the password that its sender gave you.", "Password", "This password is wrong.", "Download", map[string]string{
		"":                    "This link does not work. Ask whoever sent it for a new one.",
		documents.LinkExpired: "This link has expired. Ask whoever sent it for a new one.",
		documents.LinkUsedUp:  "This link has been used as often as it was meant to be. Ask whoever sent it for a new one.",
		documents.LinkRevoked: "Whoever sent this link has taken it back. Ask them if you still need the document.",
		documents.LinkShut:    "There were too many wrong passwords. Try again later, or ask whoever sent the link.",
		tooOften:              "This link was opened very often just now. Try again in a minute.",
		"busy":                "This cannot be done right now. Try again in a moment.",
	}},
	"fa": {"سندی برای شما", "در دسترس تا", "گذرواژه‌ای را که فرستنده به شما داده بنویسید.", "گذرواژه", "این گذرواژه درست نیست.", "دریافت", map[string]string{
		"":                    "این پیوند کار نمی‌کند. از فرستنده پیوند تازه‌ای بخواهید.",
		documents.LinkExpired: "مهلت این پیوند گذشته است. از فرستنده پیوند تازه‌ای بخواهید.",
		documents.LinkUsedUp:  "این پیوند به اندازه‌ای که باید به کار رفته است. از فرستنده پیوند تازه‌ای بخواهید.",
		documents.LinkRevoked: "فرستنده این پیوند را پس گرفته است. اگر هنوز سند را لازم دارید از او بخواهید.",
		documents.LinkShut:    "گذرواژهٔ نادرست زیاد وارد شد. بعداً دوباره بکوشید یا از فرستنده بپرسید.",
		tooOften:              "این پیوند در همین دم بسیار باز شده است. یک دقیقهٔ دیگر دوباره بکوشید.",
		"busy":                "اکنون نمی‌شود. کمی دیگر دوباره بکوشید.",
	}},
	"th": {"เอกสารสำหรับคุณ", "ใช้ได้ถึง", "ใส่รหัสผ่านที่ผู้ส่งให้ไว้", "รหัสผ่าน", "รหัสผ่านไม่ถูกต้อง", "ดาวน์โหลด", map[string]string{
		"":                    "ลิงก์นี้ใช้ไม่ได้ โปรดขอลิงก์ใหม่จากผู้ส่ง",
		documents.LinkExpired: "ลิงก์นี้หมดอายุแล้ว โปรดขอลิงก์ใหม่จากผู้ส่ง",
		documents.LinkUsedUp:  "ลิงก์นี้ถูกใช้ครบจำนวนแล้ว โปรดขอลิงก์ใหม่จากผู้ส่ง",
		documents.LinkRevoked: "ผู้ส่งได้ยกเลิกลิงก์นี้แล้ว หากยังต้องการเอกสารโปรดติดต่อผู้ส่ง",
		documents.LinkShut:    "ใส่รหัสผ่านผิดหลายครั้งเกินไป ลองใหม่ภายหลังหรือสอบถามผู้ส่ง",
		tooOften:              "ลิงก์นี้ถูกเปิดบ่อยมากเมื่อครู่ ลองใหม่ในอีกหนึ่งนาที",
		"busy":                "ทำไม่ได้ในขณะนี้ ลองใหม่ในอีกสักครู่",
	}},
}

// readerLanguage is the language of ours that a browser asks for first.
func readerLanguage(r *http.Request) string {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		lang, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if _, ok := linkTexts[lang]; ok {
			return lang
		}
	}
	return "en"
}

// showLink answers with the page of a link, or with why there is none.
func (s *Server) showLink(w http.ResponseWriter, r *http.Request, status int, f *documents.Followed, wrong bool, problem string) {
	lang := readerLanguage(r)
	text := linkTexts[lang]
	page := struct {
		Lang, Dir           string
		Text                linkText
		Name, Size, Expires string
		Password, Wrong     bool
		Problem             string
	}{Lang: lang, Dir: "ltr", Text: text, Wrong: wrong}
	if lang == "fa" {
		page.Dir = "rtl"
	}
	if f != nil {
		// Before the password nothing is told, not even what the document is called.
		if page.Password = f.Link.Password != ""; !page.Password {
			page.Name, page.Size = f.Document.Title, sizeText(f.Version.Size)
			page.Expires = f.Link.Expires.Format("2006-01-02 15:04 UTC")
		}
	} else if page.Problem = text.Problems[problem]; page.Problem == "" {
		page.Problem = text.Problems[""]
	}
	var b bytes.Buffer
	if err := linkPage.Execute(&b, page); err != nil {
		s.log.Error("page of a link", "error", err)
		answerText(w, http.StatusInternalServerError, "this page cannot be shown at the moment")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", linkCSP)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", noRobots)
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func sizeText(n int64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

// linkProblem answers with why a link does not work.
func (s *Server) linkProblem(w http.ResponseWriter, r *http.Request, err error) {
	bad, ok := errors.AsType[*documents.LinkError](err)
	switch {
	case ok && bad.Why == documents.LinkUnknown:
		s.showLink(w, r, http.StatusNotFound, nil, false, bad.Why)
	case ok && bad.Why == documents.LinkShut:
		s.showLink(w, r, http.StatusTooManyRequests, nil, false, bad.Why)
	case ok:
		s.showLink(w, r, http.StatusGone, nil, false, bad.Why)
	case errors.Is(err, auth.ErrBusy):
		s.showLink(w, r, http.StatusServiceUnavailable, nil, false, "busy")
	case r.Context().Err() != nil:
	default:
		s.log.Error("link to a document", "error", err)
		s.showLink(w, r, http.StatusInternalServerError, nil, false, "busy")
	}
}

// visitLink shows what a link leads to. The file itself comes with the form's POST,
// so that programs which look at links in messages do not use it up.
func (s *Server) visitLink(w http.ResponseWriter, r *http.Request) {
	if !s.linkPace.take(r.PathValue("token"), s.clientAddress(r)) {
		s.linkTooOften(w, r)
		return
	}
	f, err := s.docs.Visit(r.Context(), r.PathValue("token"), s.clientAddress(r))
	if err != nil {
		s.linkProblem(w, r, err)
		return
	}
	s.showLink(w, r, http.StatusOK, f, false, "")
}

// maxLinkForm bounds the form of a link, in bytes.
const maxLinkForm = 8 << 10

// takeLink answers with the file, to whoever knows the password if there is one.
func (s *Server) takeLink(w http.ResponseWriter, r *http.Request) {
	token := r.PathValue("token")
	if !s.linkPace.take(token, s.clientAddress(r)) {
		s.linkTooOften(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLinkForm)
	password := r.PostFormValue("password")
	var f *documents.Followed
	err := s.hub.Store.View(func(tx *store.Tx) (err error) {
		f, err = s.docs.Follow(tx, token)
		return err
	})
	proven := false
	if err == nil && f.Link.Password != "" {
		if f, err = s.docs.Attempt(r.Context(), token); err == nil {
			proven, err = s.auth.CheckSecret(r.Context(), f.Link.Password, password)
		}
		if err == nil && !proven {
			s.showLink(w, r, http.StatusForbidden, f, true, "")
			return
		}
	}
	if err == nil {
		f, err = s.docs.Take(r.Context(), token, s.clientAddress(r), proven)
	}
	if err != nil {
		s.linkProblem(w, r, err)
		return
	}
	content, _, err := s.hub.Blobs.Open(f.Version.Blob)
	if err != nil {
		s.linkProblem(w, r, err)
		return
	}
	defer content.Close()
	w.Header().Set("X-Robots-Tag", noRobots)
	serveVersion(w, r, f.Version, content, false)
}

// linkTooOften answers whoever opens links faster than people do.
func (s *Server) linkTooOften(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "60")
	s.showLink(w, r, http.StatusTooManyRequests, nil, false, tooOften)
}
