package twiliotest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sizes of pages.
const (
	defaultPageSize = 50
	maxPageSize     = 1000
)

// pageToken prefixes the SID of the last item of the page before. Because pages go on from an item and not from a
// number, what arrives while a client pages through does not shift the rest.
const pageToken = "PA"

// item is one entry of a list; json is asked for only when the entry is on the page.
type item struct {
	sid  string
	json func() any
}

// page answers a list request: items in the order the API gives them, cut to the page asked for. A caller whose items
// are guarded by mu holds it.
func (s *Server) page(rq *apiRequest, key string, items []item) (answer, *apiError) {
	size := defaultPageSize
	if v := rq.query.Get("PageSize"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return answer{}, fail(20001, "Invalid page size %q", v)
		}
		size = min(n, maxPageSize)
	}
	number, err := strconv.Atoi(rq.query.Get("Page"))
	if v := rq.query.Get("Page"); v != "" && (err != nil || number < 0) {
		return answer{}, fail(20001, "Invalid page number %q", v)
	}
	start := 0
	if token := rq.query.Get("PageToken"); token != "" {
		i := slices.IndexFunc(items, func(it item) bool { return pageToken+it.sid == token })
		if i < 0 {
			return answer{}, fail(20001, "Invalid page token")
		}
		start = i + 1
	} else if number > 0 {
		return answer{}, fail(20001, "Page %d needs the PageToken of the page before", number)
	}
	end := min(start+size, len(items))
	list := make([]any, 0, end-start)
	for _, it := range items[start:end] {
		list = append(list, it.json())
	}
	link := func(n int, token string) string {
		q := url.Values{}
		for k, v := range rq.query {
			if k != "Page" && k != "PageToken" && k != "PageSize" {
				q[k] = v
			}
		}
		q.Set("PageSize", strconv.Itoa(size))
		q.Set("Page", strconv.Itoa(n))
		if token != "" {
			q.Set("PageToken", token)
		}
		return rq.URL.Path + "?" + q.Encode()
	}
	out := map[string]any{
		key: list, "page": number, "page_size": size, "start": number * size, "end": max(number*size+len(list)-1, 0),
		"uri": rq.URL.RequestURI(), "first_page_uri": link(0, ""), "next_page_uri": nil, "previous_page_uri": nil,
	}
	if end < len(items) {
		out["next_page_uri"] = link(number+1, pageToken+items[end-1].sid)
	}
	if number == 1 {
		out["previous_page_uri"] = link(0, "")
	} else if back := start - size - 1; number > 1 && back >= 0 {
		out["previous_page_uri"] = link(number-1, pageToken+items[back].sid)
	}
	return answer{status: 200, json: out}, nil
}

// dateFilter reads the three forms of a date parameter: Name (that day), Name> (from then on), Name< (up to then). A
// date without a time is midnight UTC.
func dateFilter(q url.Values, name string) (func(time.Time) bool, *apiError) {
	var from, to time.Time
	for _, key := range []string{name, name + ">", name + "<"} {
		v := q.Get(key)
		if v == "" {
			continue
		}
		day := false
		t, err := time.Parse(time.RFC3339, strings.Replace(v, " ", "T", 1))
		if err != nil {
			t, err = time.Parse(time.DateOnly, v)
			day = true
		}
		if err != nil {
			return nil, fail(20001, "Invalid date %q for %s: write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ", v, key)
		}
		switch {
		case strings.HasSuffix(key, ">"):
			from = t
		case strings.HasSuffix(key, "<"):
			to = t
		case day:
			from, to = t, t.AddDate(0, 0, 1).Add(-time.Second)
		default:
			from, to = t, t
		}
	}
	return func(t time.Time) bool {
		t = t.Truncate(time.Second) // stamps have whole seconds
		return !(!from.IsZero() && t.Before(from)) && !(!to.IsZero() && t.After(to))
	}, nil
}
