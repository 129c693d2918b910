package email

import (
	"strings"
	"testing"

	"throughline/message"
)

func TestFreeFormBounces(t *testing.T) {
	const daemon = "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\r\nTo: help@example.com\r\nSubject: Undelivered mail\r\n\r\n"
	const returned = "\r\n----- Original message -----\r\n\r\nFrom: help@example.com\r\nMessage-ID:\r\n <tl.5.aaaabbbbccccdddd@example.com>\r\nTo: other@example.org\r\n"
	own := message.OwnRef(5, "aaaabbbbccccdddd")
	for _, tt := range []struct {
		name, notice string
		want         []message.Report
	}{
		{"postfix", "This is the mail system at host mx.example.net.\r\n\r\nYour message could not be delivered.\r\n\r\n<ann@example.org>: host mx.example.org[192.0.2.4] said: 550 5.1.1\r\n    <ann@example.org>: Recipient address rejected: User unknown (in reply to\r\n    RCPT TO command)\r\n",
			[]message.Report{{Handle: "mailto:ann@example.org", Code: "5.1.1", Permanent: true}}},
		{"gmail", "Delivery to the following recipient failed permanently:\r\n\r\n     ann@example.org\r\n\r\nThe error that the other server returned was:\r\n550 550 5.7.1 Message refused by policy (state 13).\r\n",
			[]message.Report{{Handle: "mailto:ann@example.org", Code: "5.7.1"}}},
		{"sendmail", "   ----- The following addresses had permanent fatal errors -----\r\n<ann@example.org>\r\n    (reason: 550 5.1.1 <ann@example.org>... User unknown)\r\n<bob@example.org>\r\n    (reason: 552 5.2.2 Mailbox full)\r\n",
			[]message.Report{{Handle: "mailto:ann@example.org", Code: "5.1.1", Permanent: true}, {Handle: "mailto:bob@example.org", Code: "5.2.2"}}},
		{"office365", "Delivery has failed to these recipients or groups:\r\n\r\nann@example.org<mailto:ann@example.org>\r\nThe email address couldn't be found.\r\n\r\nDiagnostic information for administrators:\r\n\r\nann@example.org\r\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\r\n",
			[]message.Report{{Handle: "mailto:ann@example.org", Code: "5.1.10", Permanent: true}}},
		{"retry time-out", "A message could not be delivered:\r\n\r\n  ann@example.org\r\n    retry timeout exceeded\r\n", []message.Report{{Handle: "mailto:ann@example.org", Code: "4.4.7"}}},
		{"words only", "Could not be delivered:\r\n\r\n  ann@example.org\r\n    unknown user\r\n", []message.Report{{Handle: "mailto:ann@example.org", Code: "5.1.1", Permanent: true}}},
		{"no such host", "Could not be delivered:\r\n\r\n  ann@nowhere.example\r\n    Host not found\r\n", []message.Report{{Handle: "mailto:ann@nowhere.example", Code: "5.1.2", Permanent: true}}},
		{"an address is no code", "Could not be delivered:\r\n\r\n  ann@example.org\r\n    192.0.2.5.1.1 and 5.1.1.1 refused\r\n", []message.Report{{Handle: "mailto:ann@example.org", Code: "5.0.0"}}},
		{"nobody named", "Your message could not be delivered.\r\n", nil},
	} {
		m := parseString(t, daemon+tt.notice+returned, Options{})
		if m.Kind != message.Bounce {
			t.Errorf("%s: kind %q", tt.name, m.Kind)
		}
		if len(m.Reports) != len(tt.want) {
			t.Errorf("%s: %d reports, want %d: %+v", tt.name, len(m.Reports), len(tt.want), m.Reports)
			continue
		}
		for i, want := range tt.want {
			got := m.Reports[i]
			if got.Handle != want.Handle || got.Code != want.Code || got.Permanent != want.Permanent || got.Status != message.Failed || got.Ref != own {
				t.Errorf("%s: %+v, want %+v about %s", tt.name, got, want, own)
			}
		}
		if tt.want != nil && (len(m.Refs) != 1 || m.Refs[0] != own) {
			t.Errorf("%s: refs %q: a bounce belongs to the mail it returns", tt.name, m.Refs)
		}
	}
}

func TestDeliveryStatus(t *testing.T) {
	const status = "Reporting-MTA: dns; mx.example.net\r\n\r\n" +
		"Original-Recipient: rfc822;ann@example.org\r\nFinal-Recipient: rfc822; ann@inside.example.org\r\nAction: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown user\r\n\r\n" +
		"Final-Recipient: rfc822;<bob@example.org>\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n" +
		"Final-Recipient: rfc822; carl@example.org\r\nAction: delivered\r\nStatus: 2.1.5\r\n\r\n" +
		"Final-Recipient: rfc822; dora@example.org\r\nAction: failed (final)\r\nStatus: 4.2.2 (mailbox full)\r\nDiagnostic-Code: X-Local; over quota\r\n"
	reports, found := deliveryStatus([]byte(status))
	want := []message.Report{
		{Handle: "mailto:ann@example.org", Status: message.Failed, Code: "5.1.1", Permanent: true, Reason: "550 5.1.1 unknown user"},
		{Handle: "mailto:carl@example.org", Status: message.Delivered, Code: "2.1.5"},
		{Handle: "mailto:dora@example.org", Status: message.Failed, Code: "4.2.2", Reason: "over quota"},
	}
	if !found || len(reports) != len(want) {
		t.Fatalf("%v %+v", found, reports)
	}
	for i := range want {
		if reports[i] != want[i] {
			t.Errorf("%+v, want %+v", reports[i], want[i])
		}
	}
}

// TestKindOfSender: what is automatic is known by its form; words alone make nothing
// automatic.
func TestKindOfSender(t *testing.T) {
	const rest = "Date: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n"
	for _, tt := range []struct {
		fields string
		want   message.Kind
		bulk   bool
	}{
		{"From: ann@example.org\r\nSubject: Out of office\r\n", message.Human, false},
		{"From: ann@example.org\r\nSubject: Delivery failure of my washing machine\r\n", message.Human, false},
		{"From: postmaster@example.org\r\nSubject: Your question\r\n", message.Human, false},
		{"From: ann@example.org\r\nAuto-Submitted: no\r\n", message.Human, false},
		{"From: ann@example.org\r\nX-Auto-Response-Suppress: All\r\n", message.Human, false},
		{"From: ann@example.org\r\nReturn-Path: <ann@example.org>\r\n", message.Human, false},
		{"From: ann@example.org\r\nX-Autoreply: no\r\n", message.Human, false},
		{"From: news@example.org\r\nPrecedence: bulk\r\n", message.Human, true},
		{"From: ann@example.org\r\nList-Unsubscribe: <mailto:x@example.org>\r\n", message.Human, true},
		{"From: ann@example.org\r\nAuto-Submitted: auto-replied (vacation)\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nAuto-Submitted: auto-generated\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nX-Autoreply: yes\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nX-Autorespond: Away\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nPrecedence: auto_reply\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nReturn-Path: <>\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nX-Auto-Response-Suppress: All\r\nSubject: Automatic reply: Order\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nX-Auto-Response-Suppress: All\r\nSubject: =?utf-8?q?Automatische_Antwort=3A_x?=\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nX-Auto-Response-Suppress: All\r\nSubject: ตอบกลับอัตโนมัติ: x\r\n", message.AutoReply, false},
		{"From: ann@example.org\r\nX-Auto-Response-Suppress: All\r\nSubject: پاسخ خودکار: x\r\n", message.AutoReply, false},
		{"From: MAILER-DAEMON@example.org\r\nSubject: Undelivered Mail Returned to Sender\r\nX-Failed-Recipients: bob@example.org\r\n", message.Bounce, false},
	} {
		m := parseString(t, tt.fields+rest, Options{})
		if m.Kind != tt.want || m.Bulk != tt.bulk {
			t.Errorf("%q: %s, bulk %v; want %s, %v", tt.fields, m.Kind, m.Bulk, tt.want, tt.bulk)
		}
	}
}

// TestForwardedBounceIsHuman: somebody who passes a bounce on, or attaches one,
// is a person.
func TestForwardedBounceIsHuman(t *testing.T) {
	m := parseString(t, "From: ann@example.org\r\nSubject: Fwd: Undelivered Mail\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nWhat is this?\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n", Options{})
	if m.Kind != message.Human || len(m.Reports) != 0 {
		t.Errorf("kind %q reports %+v", m.Kind, m.Reports)
	}
}

func TestManyReports(t *testing.T) {
	b := strings.Repeat("Final-Recipient: rfc822; x@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n", MaxReports+100)
	if reports, _ := deliveryStatus([]byte(b)); len(reports) != MaxReports {
		t.Errorf("%d reports", len(reports))
	}
}
