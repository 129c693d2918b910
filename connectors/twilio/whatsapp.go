package twilio

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"throughline/connectors"
	"throughline/message"
)

const (
	// contentPage and contentPages bound the list of templates.
	contentPage  = 100
	contentPages = 20
)

// templated is a Connector of a channel with templates.
type templated struct{ *Connector }

// content is an entry of Twilio's Content API, v1 ContentAndApprovals.
type content struct {
	SID      string                     `json:"sid"`
	Name     string                     `json:"friendly_name"`
	Language string                     `json:"language"`
	Types    map[string]json.RawMessage `json:"types"`
	Approval struct {
		Status string `json:"status"`
	} `json:"approval_requests"`
}

// gap is a placeholder of a template.
var gap = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]{1,50})\s*\}\}`)

// Templates lists the templates that WhatsApp has approved: those of the
// settings, or all.
func (t *templated) Templates(ctx context.Context) ([]message.Template, error) {
	var out []message.Template
	next := "/v1/ContentAndApprovals?" + url.Values{"PageSize": {strconv.Itoa(contentPage)}}.Encode()
	for page := 0; next != "" && page < contentPages; page++ {
		var answer struct {
			Contents []content `json:"contents"`
			Meta     struct {
				Next *string `json:"next_page_url"`
			} `json:"meta"`
		}
		if err := t.get(ctx, t.set.content+next, &answer); err != nil {
			return nil, t.fault(err)
		}
		for _, c := range answer.Contents {
			if m, ok := t.template(c); ok {
				out = append(out, m)
			}
		}
		u, err := url.Parse(text(answer.Meta.Next))
		if err != nil || u.Path == "" {
			break
		}
		next = u.RequestURI()
	}
	slices.SortStableFunc(out, func(a, b message.Template) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (t *templated) template(c content) (message.Template, bool) {
	chosen := slices.Contains(t.set.templates, c.SID)
	if !contentForm.MatchString(c.SID) || c.Approval.Status != "approved" || len(t.set.templates) > 0 && !chosen {
		return message.Template{}, false
	}
	m := message.Template{ID: c.SID, Name: shorten(cleanLine(c.Name), maxNameRunes), Language: strings.ReplaceAll(c.Language, "_", "-")}
	// The types stand for the same words in richer and poorer dress.
	for _, raw := range c.Types {
		var body struct {
			Body string `json:"body"`
		}
		if json.Unmarshal(raw, &body) == nil && body.Body != "" {
			m.Text = clean(body.Body)
			break
		}
	}
	for _, g := range gap.FindAllStringSubmatch(m.Text, -1) {
		if !slices.Contains(m.Gaps, g[1]) {
			m.Gaps = append(m.Gaps, g[1])
		}
	}
	return m, m.Text != ""
}

var _ connectors.Templater = (*templated)(nil)
