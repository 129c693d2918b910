package api

import (
	"net/http"
	"strings"
	"testing"

	"throughline/auth"
)

// roleTable is who may do what. An operation that is not in it fails the test.
var roleTable = map[string]minRole{
	"getSetup": public, "setup": public, "login": public, "loginByLink": public, "getInvitation": public, "acceptInvitation": public,
	"getSession": agent, "logout": agent, "listSessions": agent, "endSession": agent, "changeMe": agent, "changePassword": agent,
	"listAgents": agent, "getTeams": agent, "setTeams": admin, "inviteAgent": admin, "changeAgent": admin, "renewInvitation": admin,
	"listKeys": agent, "createKey": agent, "deleteKey": agent, "listAudit": admin,

	"getCounts": agent, "listConversations": agent, "compose": agent, "changeConversations": agent, "getConversation": agent,
	"changeConversation": agent, "getTimeline": agent, "readConversation": agent, "addNote": agent, "getRecipients": agent, "reply": agent,
	"getDraft": agent, "saveDraft": agent, "deleteDraft": agent, "moveMessage": agent, "mergeConversation": agent, "listTags": agent, "listWays": agent, "listMentions": agent, "live": agent,

	"getMessage": agent, "getMessageHTML": agent, "getMessageRaw": agent, "undoMessage": agent, "retryMessage": agent, "dismissMessage": agent,
	"upload": agent, "getBlob": signed, "getImage": signed,

	"listDuplicates": agent, "getDuplicate": agent, "decideDuplicate": agent, "getDuplicateRules": agent, "setDuplicateRules": admin, "getDuplicateLook": agent,
	"startDuplicateLook": manager, "listCustomerDuplicates": agent, "chooseValues": agent, "refileMessage": agent,
	"compareCustomers": agent, "decidePair": agent, "tryDuplicateRules": agent, "stopDuplicateLook": manager,

	"listCustomers": agent, "createCustomer": agent, "getCustomer": agent, "changeCustomer": agent, "getCustomerTimeline": agent,
	"listCustomerConversations": agent, "linkHandle": agent, "unlinkHandle": agent, "changeHandle": agent, "mergeCustomer": agent, "unmergeCustomer": agent,
	"setConsent": manager, "listCustomerWays": agent, "listTemplates": agent,

	"listCardHistory": agent, "listFields": agent, "createField": admin, "changeField": admin,
	"listCompanies": agent, "createCompany": agent, "getCompany": agent, "changeCompany": agent, "deleteCompany": manager, "listCompanyConversations": agent, "listCompanyHistory": agent,
	"getTies": agent, "joinCompany": agent, "leaveCompany": agent, "relateCustomers": agent, "unrelateCustomers": agent,
	"exportPeople": manager, "exportCustomer": manager, "eraseCustomer": manager,
	"listImports": manager, "addImport": manager, "getImport": manager, "changeImport": manager, "checkImport": manager, "startImport": manager,
	"stopImport": manager, "listImportRows": manager, "getImportErrors": manager, "deleteImport": manager,
	"listTasks": agent, "addTask": agent, "changeTask": agent, "removeTask": agent,
	"getPurposes": agent, "setPurposes": admin, "getLearnedPurposes": admin, "tryPurpose": admin, "guessPurpose": agent, "adviseConversation": agent, "adviseCustomer": agent,
	"getPreferences": agent, "addPreference": agent, "endPreference": agent, "liftSuspension": agent, "getChoicesLink": manager,
	"getBoard": manager, "getBoardCSV": manager, "listBoardContacts": manager, "listUnheeded": manager,

	"listChannels": agent, "listAccounts": agent, "createAccount": admin, "changeAccount": admin, "deleteAccount": admin, "testAccount": admin,
	"kickAccount": agent, "listHeld": agent, "getHeldRaw": agent, "retryHeld": agent, "dropHeld": manager,
	"listNotices": admin, "createNotice": admin, "changeNotice": admin, "deleteNotice": admin, "testNotice": admin,
	"startAudit": manager, "getAudit": agent, "importMissing": manager,

	"listDocuments": agent, "addDocument": agent, "fileDocument": agent, "getDocumentRules": agent, "setDocumentRules": admin, "getDocument": agent,
	"changeDocument": agent, "moveDocument": agent, "deleteDocument": agent, "undeleteDocument": agent, "purgeDocument": manager, "addDocumentVersion": agent,
	"restoreDocumentVersion": agent, "getDocumentFile": agent, "attachDocument": agent, "listDocumentOpenings": manager,
	"listDocumentLinks": agent, "shareDocument": agent, "revokeDocumentLink": agent, "rereadDocuments": admin,

	"getPhone": agent, "changePhone": agent, "phoneToken": agent, "listCalls": agent, "makeCall": agent, "takeCall": agent, "holdCall": agent,
	"resumeCall": agent, "transferCall": agent, "completeTransfer": agent, "cancelCall": agent, "hangUpCall": agent, "wrapUpCall": agent,
	"endCall": manager, "passCall": manager,
}

// TestRoles calls every operation as everybody. Whoever may not gets 401 or 403
// before the request is even read; whoever may gets any other answer.
func TestRoles(t *testing.T) {
	w := newWorld(t, worldOptions{})
	callers := []struct {
		name string
		role minRole
		make func() *client
	}{
		{"stranger", public, func() *client { return &client{w: w} }},
		{"agent", agent, func() *client { return w.browser(w.agent("Ann", auth.RoleAgent)) }},
		{"manager", manager, func() *client { return w.browser(w.agent("Max", auth.RoleManager)) }},
		{"admin", admin, func() *client { return w.browser(w.agent("Ada", auth.RoleAdmin)) }},
		{"agent's program", agent, func() *client { return w.program(w.agent("Ann", auth.RoleAgent)) }},
		{"manager's program", manager, func() *client { return w.program(w.agent("Max", auth.RoleManager)) }},
		{"admin's program", admin, func() *client { return w.program(w.agent("Ada", auth.RoleAdmin)) }},
	}
	seen := map[string]bool{}
	for _, c := range callers {
		for _, r := range w.s.routes {
			seen[r.id] = true
			want, ok := roleTable[r.id]
			if !ok {
				t.Fatalf("operation %s (%s %s) is not in the table of roles: decide who may use it", r.id, r.method, r.path)
			}
			// A fresh session each time: some operations end it.
			who := c.make()
			path := r.path
			for _, p := range []string{"{id}", "{company}", "{token}", "{handle}", "{name}", "{preference}"} {
				path = strings.ReplaceAll(path, p, "0")
			}
			path = strings.ReplaceAll(path, "{sha256}", strings.Repeat("0", 64))
			// No body: an operation that takes one refuses it, after the guard.
			resp, body := who.do(r.method, path, nil)
			shut := resp.StatusCode == http.StatusUnauthorized && !strings.Contains(string(body), "password is wrong") ||
				resp.StatusCode == http.StatusForbidden && !strings.Contains(string(body), errNotSigned.detail)
			if may := c.role >= want || want == signed && c.role >= agent; shut == may {
				t.Errorf("%s as %s: %d %s", r.id, c.name, resp.StatusCode, body)
			}
		}
	}
	for id := range roleTable {
		if !seen[id] {
			t.Errorf("operation %s is in the table of roles and nowhere else", id)
		}
	}
}

func TestCSRF(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	body := map[string]any{"name": "a key"}

	c.csrf = "wrong"
	c.refused(403, "POST", "/api/keys", body)
	c.csrf = ""
	c.refused(403, "POST", "/api/keys", body)
	c.call(200, "GET", "/api/keys", nil, nil)

	c = w.browser(w.admin)
	for _, h := range []http.Header{
		{"Origin": {"https://evil.example"}},
		{"Origin": {"null"}},
		{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}},
		{"Origin": {"http://evil." + strings.TrimPrefix(w.http.URL, "http://")}, "Sec-Fetch-Site": {"same-site"}},
	} {
		c.header = h
		if p := c.refused(403, "POST", "/api/keys", body); p.Detail != errForeign.detail {
			t.Errorf("%v: %s", h, p.Detail)
		}
	}
	for _, h := range []http.Header{{"Origin": {w.http.URL}}, {"Sec-Fetch-Site": {"same-origin"}}, nil} {
		c.header = h
		c.call(200, "POST", "/api/keys", body, nil)
	}

	// A program needs no token, and its key goes before a cookie.
	p := w.program(w.admin)
	p.call(200, "POST", "/api/keys", body, nil)
	p.header = http.Header{"Cookie": {cookieName + "=" + c.session}}
	p.call(200, "POST", "/api/keys", body, nil)
	p.key = "tl_nonsense"
	p.refused(401, "GET", "/api/keys", nil)
}
