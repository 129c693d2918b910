package slacktest

import (
	"html/template"
	"net/http"
	"strings"
	"time"
)

// pageLine is a message as the page shows it.
type pageLine struct {
	Who, Text, Note string
	Title           string
	At              time.Time
	Reply, Edited   bool
	Buttons         []pageButton
}

type pageButton struct{ Text, URL string }

var channelPage = template.Must(template.New("channel").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="3">
<meta name="viewport" content="width=device-width"><title>{{.Name}}</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1rem;color-scheme:light dark}
h1{font-size:1.1rem}p{margin:.1rem 0}article{padding:.5rem 0;border-top:1px solid #8884}.reply{margin-inline-start:2rem}
small,time{color:#888}a.button{display:inline-block;border:1px solid #888;border-radius:4px;padding:.1rem .7rem;margin-top:.3rem;text-decoration:none;color:inherit}
</style></head><body><h1>{{.Name}} <small>(a double of Slack, newest first)</small></h1>{{range .Lines}}<article{{if .Reply}} class="reply"{{end}}>
<b dir="auto">{{.Who}}</b> <time>{{.At.Format "15:04:05"}}</time>{{if .Edited}} <small>(edited)</small>{{end}}
{{with .Title}}<p dir="auto"><b>{{.}}</b></p>{{end}}{{with .Text}}<p dir="auto" style="white-space:pre-wrap">{{.}}</p>{{end}}{{with .Note}}<p dir="auto"><small>{{.}}</small></p>{{end}}
{{range .Buttons}}<a class="button" dir="auto" target="_blank" href="{{.URL}}">{{.Text}}</a> {{end}}</article>{{else}}<p>Nothing yet.</p>{{end}}</body></html>`))

// PageURL is where a browser sees what is written in a channel, as people in Slack do.
func (c *Channel) PageURL() string { return c.srv.base + "/archives/" + c.ID }

// maxPage is how many messages the page shows.
const maxPage = 100

func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	c := s.channel(r.PathValue("channel"))
	var lines []pageLine
	name := ""
	if c != nil {
		name = "#" + c.name
		for i := len(c.messages) - 1; i >= 0 && len(lines) < maxPage; i-- {
			lines = append(lines, lineOf(c.messages[i]))
		}
	}
	s.mu.Unlock()
	if c == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = channelPage.Execute(w, map[string]any{"Name": name, "Lines": lines}) // the browser has gone
}

// lineOf reads the parts of a message that this page knows: its text, and sections,
// contexts and buttons of blocks.
func lineOf(m *message) pageLine {
	plain := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	us, _ := micros(m.ts)
	l := pageLine{Who: m.user.person.RealName, At: time.UnixMicro(us), Reply: m.isReply(), Edited: m.edited != nil, Text: plain.Replace(m.text)}
	if m.rich {
		return l
	}
	text := func(o any) string {
		t, _ := o.(obj)
		s, _ := t["text"].(string)
		return plain.Replace(s)
	}
	for _, b := range m.blocks {
		block, _ := b.(obj)
		elements, _ := block["elements"].([]any)
		switch block["type"] {
		case "section":
			title, rest, _ := strings.Cut(text(block["text"]), "\n")
			l.Title, l.Text = strings.Trim(title, "*"), rest
		case "context":
			for _, e := range elements {
				l.Note += text(e)
			}
		case "actions":
			for _, e := range elements {
				button, _ := e.(obj)
				if to, _ := button["url"].(string); to != "" {
					l.Buttons = append(l.Buttons, pageButton{text(button["text"]), to})
				}
			}
		}
	}
	return l
}
