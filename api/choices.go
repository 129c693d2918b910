package api

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// The page on which a person chooses how to be reached: plain HTML without scripts,
// sign-in or cookies. Its address is its own permission. A GET never changes
// anything, since mail scanners follow links; a POST with List-Unsubscribe=One-Click
// is a mail program's unsubscribe button (RFC 8058).

// Limits of the page.
const (
	choicesBody = 64 << 10
	choicesWait = 15 * time.Second
)

const choicesCSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func (s *Server) choicesRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+inbox.ChoicesPath+"{token}", func(w http.ResponseWriter, r *http.Request) { s.showChoices(w, r, "") })
	mux.HandleFunc("POST "+inbox.ChoicesPath+"{token}", s.saveChoices)
}

// choicesHead sets what every answer of the page has.
func choicesHead(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", choicesCSP)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

func (s *Server) showChoices(w http.ResponseWriter, r *http.Request, done string) {
	choicesHead(w)
	var c *inbox.Choices
	err := s.hub.Store.View(func(tx *store.Tx) (err error) {
		c, err = s.hub.Choices(tx, r.PathValue("token"))
		return err
	})
	if err != nil {
		s.noChoices(w, r, err)
		return
	}
	_ = choicesPage.Execute(w, s.choicesView(c, r, done)) // the reader may have gone
}

// noChoices answers for an address we did not make.
func (s *Server) noChoices(w http.ResponseWriter, r *http.Request, err error) {
	status, text := http.StatusNotFound, "gone"
	if !errors.Is(err, store.ErrNotFound) {
		s.log.Error("choices", "error", err)
		status, text = http.StatusInternalServerError, "broken"
	}
	t := choicesTexts(pageLanguage(r, ""))
	w.WriteHeader(status)
	_ = choicesPage.Execute(w, choicesView{Language: t["language"], Dir: t["dir"], T: t, Gone: t[text]})
}

func (s *Server) saveChoices(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), choicesWait)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, choicesBody)
	// RFC 8058, 3.1: one click may come as either kind of form.
	if err := r.ParseMultipartForm(choicesBody); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		choicesHead(w)
		http.Error(w, "this form cannot be read", http.StatusBadRequest)
		return
	}
	token := r.PathValue("token")
	if r.PostForm.Get("List-Unsubscribe") == "One-Click" || r.PostForm.Has("unsubscribe") {
		purpose := r.URL.Query().Get("purpose")
		err := s.hub.Unsubscribe(ctx, token, purpose)
		if invalid := (*inbox.InvalidError)(nil); errors.As(err, &invalid) {
			err = s.hub.Unsubscribe(ctx, token, "") // of a purpose that is gone: no means no
		}
		if err != nil {
			choicesHead(w)
			s.noChoices(w, r, err)
			return
		}
		s.showChoices(w, r, "unsubscribed")
		return
	}
	if !r.PostForm.Has("save") { // nothing that our page sends: it must not count as a page with nothing chosen
		choicesHead(w)
		http.Error(w, "this form cannot be read", http.StatusBadRequest)
		return
	}
	next := inbox.Choices{StopAll: r.PostForm.Has("stop-all")}
	for key := range r.PostForm {
		if p, ok := strings.CutPrefix(key, "channel."); ok {
			next.Choices = append(next.Choices, inbox.Choice{Purpose: p, Channel: r.PostForm.Get(key), Stop: r.PostForm.Has("stop." + p)})
		}
	}
	next.Never = r.PostForm["never"]
	if r.PostForm.Has("quiet") {
		next.From, next.To = clockMinutes(r.PostForm.Get("from")), clockMinutes(r.PostForm.Get("to"))
	}
	if err := s.hub.SaveChoices(ctx, token, next); err != nil {
		choicesHead(w)
		s.noChoices(w, r, err)
		return
	}
	s.showChoices(w, r, "saved")
}

// clockMinutes reads "22:30"; 0 for what is no time.
func clockMinutes(text string) int {
	h, m, _ := strings.Cut(text, ":")
	hours, err1 := strconv.Atoi(h)
	minutes, err2 := strconv.Atoi(m)
	if err1 != nil || err2 != nil || hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0
	}
	return hours*60 + minutes
}

func clockText(minutes int) string {
	two := func(n int) string { return strconv.Itoa(n/10) + strconv.Itoa(n%10) }
	return two(minutes/60) + ":" + two(minutes%60)
}

// choicesView is what the template shows.
type choicesView struct {
	Language, Dir string
	T             map[string]string
	Gone, Done    string
	Address       string
	Scheme        string
	Shared        bool
	Unsubscribe   string // the purpose whose mail led here
	Rows          []choicesRow
	Channels      []choicesChannel
	StopAll       bool
	Quiet         bool
	From, To      string
	Languages     []choicesChannel
}

type choicesRow struct {
	Key, Name, Channel string
	Stop               bool
}

type choicesChannel struct {
	Key, Name string
	On        bool
}

func (s *Server) choicesView(c *inbox.Choices, r *http.Request, done string) choicesView {
	lang := pageLanguage(r, c.Language)
	t := choicesTexts(lang)
	v := choicesView{Language: lang, Dir: t["dir"], T: t, Done: t[done], Address: shownAddress(c.Handle), Scheme: c.Handle.Scheme(), Shared: c.Shared, StopAll: c.StopAll,
		Quiet: c.From != c.To, From: "22:00", To: "08:00"}
	if v.Quiet {
		v.From, v.To = clockText(c.From), clockText(c.To)
	}
	for i, p := range c.Purposes {
		v.Rows = append(v.Rows, choicesRow{Key: p.Key, Name: p.Name(lang), Channel: c.Choices[i].Channel, Stop: c.Choices[i].Stop})
		if done == "" && p.Key == r.URL.Query().Get("purpose") && !c.Choices[i].Stop && !c.StopAll {
			v.Unsubscribe = p.Name(lang)
		}
	}
	for _, ch := range c.Channels {
		v.Channels = append(v.Channels, choicesChannel{ch, cmp.Or(t["channel."+ch], ch), slices.Contains(c.Never, ch)})
	}
	for _, l := range []string{"en", "fa", "th"} {
		v.Languages = append(v.Languages, choicesChannel{l, choicesTexts(l)["self"], l == lang})
	}
	return v
}

func shownAddress(h message.Handle) string {
	if h.Scheme() == identity.Tel || h.Scheme() == identity.Mailto {
		return h.Address()
	}
	return h.Scheme()
}

// pageLanguage is what is asked for, else what is known of the person, else what the
// browser says.
func pageLanguage(r *http.Request, known string) string {
	if l := r.URL.Query().Get("lang"); choicesWords[l] != nil {
		return l
	}
	if choicesWords[known] != nil {
		return known
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		if l := strings.TrimSpace(part); len(l) >= 2 && choicesWords[l[:2]] != nil {
			return l[:2]
		}
	}
	return "en"
}

func choicesTexts(language string) map[string]string { return choicesWords[language] }

var choicesPage = template.Must(template.New("choices").Parse(choicesHTML))
