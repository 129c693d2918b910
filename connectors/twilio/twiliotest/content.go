package twiliotest

import "net/http"

// contentPath is where the Content API lists templates with their approvals; at Twilio it is on a host of its own,
// content.twilio.com.
const contentPath = "/v1/ContentAndApprovals"

// serveContent lists all templates on one page, all of them approved.
func (s *Server) serveContent(rq *apiRequest) (answer, *apiError) {
	if !s.authorised(rq.Request) {
		return answer{}, unauthorised()
	}
	if rq.Method != http.MethodGet {
		return answer{}, notAllowed(rq)
	}
	list := []map[string]any{}
	for _, t := range s.opt.Templates {
		name, language := t.Name, t.Language
		if name == "" {
			name = t.SID
		}
		if language == "" {
			language = "en"
		}
		list = append(list, map[string]any{"sid": t.SID, "account_sid": s.opt.AccountSID, "friendly_name": name, "language": language,
			"types":             map[string]any{"twilio/text": map[string]any{"body": t.Body}},
			"approval_requests": map[string]any{"status": "approved", "name": name, "category": "UTILITY"}})
	}
	return answer{status: http.StatusOK, json: map[string]any{"contents": list,
		"meta": map[string]any{"key": "contents", "page": 0, "page_size": len(list), "next_page_url": nil, "previous_page_url": nil}}}, nil
}
