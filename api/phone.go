package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// Agents on the phone.

// Phone is what an agent has to take and make calls with.
type Phone struct {
	Lines   []PhoneLine `json:"lines"`
	Ready   bool        `json:"ready" doc:"Calls may ring here. Ends some seconds after the agent's last live stream."`
	Number  string      `json:"number,omitempty" doc:"A phone that rings instead of the browser."`
	Devices int         `json:"devices" doc:"How many live streams the agent has open."`
}

// PhoneLine is an account over which agents speak.
type PhoneLine struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Number  string `json:"number"`
	CanCall bool   `json:"can_call" doc:"The agent can make calls over it now: there is a browser or a number to ring first."`
	Browser bool   `json:"browser" doc:"It can ring browsers."`
}

// PhoneChange says whether calls may ring an agent, and where.
type PhoneChange struct {
	Ready  bool   `json:"ready"`
	Number string `json:"number,omitempty" maxLength:"50" doc:"A phone that is to ring instead of the browser, in international form; absent: the browser."`
}

// PhoneTokenRequest names the line to sign in at.
type PhoneTokenRequest struct {
	Account string `json:"account" minLength:"1"`
}

// PhoneToken is what a browser signs in with at the provider of a line.
type PhoneToken struct {
	Kind     string    `json:"kind" doc:"Whose library the page needs: twilio."`
	Token    string    `json:"token"`
	Identity string    `json:"identity"`
	Expires  time.Time `json:"expires"`
	Address  string    `json:"address,omitempty" doc:"Of a stand-in for the provider, as in the demo; absent: the provider itself."`
}

// Calls are the calls that go on. Seq is the hub's newest sequence number when they
// were read: follow the live stream from there.
type Calls struct {
	Calls []CallNow `json:"calls" doc:"Oldest first."`
	Seq   uint64    `json:"seq"`
}

// CallNow is a call that goes on.
type CallNow struct {
	Conversation uint64        `json:"conversation"`
	Customer     CustomerBrief `json:"customer"`
	Message      Message       `json:"message"`
}

// CallRequest makes a call.
type CallRequest struct {
	Account      string `json:"account" minLength:"1"`
	To           string `json:"to" minLength:"1" maxLength:"2000" doc:"A handle, or a number in international form."`
	Conversation uint64 `json:"conversation,omitempty" doc:"Absent: where the two last spoke, or a new one."`
	Anyway       bool   `json:"anyway,omitempty" doc:"Call though the customer does not want to be called."`
}

// CallTransferRequest hands a call over.
type CallTransferRequest struct {
	Agent  uint64 `json:"agent,omitempty" doc:"To whom, or number."`
	Number string `json:"number,omitempty" maxLength:"50"`
	Warm   bool   `json:"warm,omitempty" doc:"Speak first, while the customer is on hold."`
}

// WrapUpRequest notes what a call was about.
type WrapUpRequest struct {
	Reason string `json:"reason" maxLength:"400"`
	Note   string `json:"note" maxLength:"16000"`
}

func (s *Server) phoneRoutes() {
	const g = "Phone"
	add(s, route{id: "getPhone", method: "GET", path: "/api/phone", role: agent, group: g, summary: "One's lines, and whether calls may ring here"}, s.getPhone)
	add(s, route{id: "changePhone", method: "PUT", path: "/api/phone", role: agent, group: g, summary: "Say whether calls may ring here, and where"}, s.changePhone)
	add(s, route{id: "phoneToken", method: "POST", path: "/api/phone/token", role: agent, group: g, summary: "Sign this browser in at the provider of a line"}, s.phoneToken)
	add(s, route{id: "listCalls", method: "GET", path: "/api/calls", role: agent, group: g, summary: "The calls that go on"}, s.listCalls)
	add(s, route{id: "makeCall", method: "POST", path: "/api/calls", role: agent, group: g, summary: "Call somebody: it rings here first", status: 201}, s.makeCall)
	add(s, route{id: "takeCall", method: "POST", path: "/api/calls/{id}/take", role: agent, group: g, summary: "Let a call that waits ring here"}, s.takeCall)
	add(s, route{id: "holdCall", method: "POST", path: "/api/calls/{id}/hold", role: agent, group: g, summary: "Put the customer on hold"}, s.holdCall)
	add(s, route{id: "resumeCall", method: "POST", path: "/api/calls/{id}/resume", role: agent, group: g, summary: "Take the customer off hold"}, s.resumeCall)
	add(s, route{id: "transferCall", method: "POST", path: "/api/calls/{id}/transfer", role: agent, group: g, summary: "Hand a call over to an agent or a number"}, s.transferCall)
	add(s, route{id: "completeTransfer", method: "POST", path: "/api/calls/{id}/complete", role: agent, group: g, summary: "Leave the customer to whom one asked"}, s.completeTransfer)
	add(s, route{id: "cancelCall", method: "POST", path: "/api/calls/{id}/cancel", role: agent, group: g, summary: "Take a transfer back, or a call before it is answered"}, s.cancelCall)
	add(s, route{id: "hangUpCall", method: "POST", path: "/api/calls/{id}/hangup", role: agent, group: g, summary: "End a call for everybody"}, s.hangUpCall)
	add(s, route{id: "endCall", method: "POST", path: "/api/calls/{id}/oversee/hangup", role: manager, group: g, summary: "End a call on which others speak; the security log has it"}, s.endCall)
	add(s, route{id: "passCall", method: "POST", path: "/api/calls/{id}/oversee/transfer", role: manager, group: g, summary: "Hand a call on which others speak over at once; the security log has it"}, s.passCall)
	add(s, route{id: "wrapUpCall", method: "PUT", path: "/api/calls/{id}/wrapup", role: agent, group: g, summary: "Note what a call was about"}, s.wrapUpCall)
}

func (s *Server) getPhone(ctx context.Context, _ *none) (*out[Phone], error) {
	o := new(out[Phone])
	me := who(ctx).id()
	lines := s.hub.PhoneLines()
	return o, s.view(func(v *view) error {
		r, err := s.hub.Readiness(v.tx, me)
		if err != nil {
			return err
		}
		o.Body = Phone{Lines: make([]PhoneLine, 0, len(lines)), Ready: r.Ready, Number: r.Number, Devices: s.lives.streams(me)}
		for _, l := range lines {
			o.Body.Lines = append(o.Body.Lines, PhoneLine{Account: l.Account, Name: v.accountFace(l.Account).name, Number: l.Number.Address(),
				Browser: l.Browser, CanCall: l.Browser || r.Number != ""})
		}
		return nil
	})
}

func (s *Server) changePhone(ctx context.Context, i *in[PhoneChange]) (*out[Phone], error) {
	if err := s.hub.SetReady(ctx, who(ctx).id(), i.Body.Ready, strings.TrimSpace(i.Body.Number)); err != nil {
		return nil, err
	}
	s.lives.stirUp() // the others see it
	return s.getPhone(ctx, nil)
}

func (s *Server) phoneToken(ctx context.Context, i *in[PhoneTokenRequest]) (*out[PhoneToken], error) {
	d, err := s.hub.PhoneDevice(who(ctx).id(), i.Body.Account)
	if err != nil {
		return nil, err
	}
	return &out[PhoneToken]{PhoneToken{Kind: d.Kind, Token: d.Token, Identity: d.Identity, Expires: d.Expires, Address: d.Address}}, nil
}

func (s *Server) listCalls(ctx context.Context, _ *none) (*out[Calls], error) {
	o := new(out[Calls])
	return o, s.view(func(v *view) error {
		list, err := s.hub.Calls(v.tx)
		if err != nil {
			return err
		}
		o.Body = Calls{Calls: make([]CallNow, 0, len(list)), Seq: v.seq()}
		for _, r := range list {
			c, err := s.hub.Conversation(v.tx, r.Conversation)
			if err != nil {
				return err
			}
			b, err := v.whose(c)
			if err != nil {
				return err
			}
			m, err := v.message(r.ID, frameText)
			if err != nil {
				return err
			}
			o.Body.Calls = append(o.Body.Calls, CallNow{Conversation: c.ID, Customer: b, Message: *m})
		}
		return nil
	})
}

type callIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"A name of the client's for this call, new for each: asked for again under the same one, within a week, nobody is called twice and the answer is that of the first time."`
	Body CallRequest
}

func (s *Server) makeCall(ctx context.Context, i *callIn) (*out[Message], error) {
	to := message.Handle(strings.TrimSpace(i.Body.To))
	if !strings.Contains(string(to), ":") {
		to = message.NewHandle(identity.Tel, string(to))
	}
	seq, err := s.hub.Dial(ctx, inbox.CallOut{Agent: who(ctx).id(), Account: i.Body.Account, To: to, Conversation: i.Body.Conversation, Key: i.Key, Anyway: i.Body.Anyway})
	if invalid, ok := errors.AsType[*inbox.InvalidError](err); ok && invalid.Field == "key" {
		return nil, &problemError{status: 422, detail: "Idempotency-Key: " + invalid.Text,
			errors: []*huma.ErrorDetail{{Location: "header.Idempotency-Key", Message: invalid.Text}}}
	}
	if err != nil {
		return nil, err
	}
	entry, err := s.entryAt(seq)
	if err != nil {
		return nil, err
	}
	return &out[Message]{*entry.Body.Message}, nil
}

func (s *Server) takeCall(ctx context.Context, i *idIn) (*out[Message], error) {
	return s.steered(ctx, i, s.hub.TakeCall(ctx, who(ctx).id(), i.ID))
}

func (s *Server) holdCall(ctx context.Context, i *idIn) (*out[Message], error) {
	return s.steered(ctx, i, s.hub.HoldCall(ctx, who(ctx).id(), i.ID, true))
}

func (s *Server) resumeCall(ctx context.Context, i *idIn) (*out[Message], error) {
	return s.steered(ctx, i, s.hub.HoldCall(ctx, who(ctx).id(), i.ID, false))
}

func (s *Server) transferCall(ctx context.Context, i *idBody[CallTransferRequest]) (*out[Message], error) {
	to, err := s.transferTo(&i.Body)
	if err == nil {
		err = s.hub.TransferCall(ctx, who(ctx).id(), i.ID, to)
	}
	return s.steered(ctx, &idIn{i.ID}, err)
}

// transferTo is to whom a call is to go.
func (s *Server) transferTo(b *CallTransferRequest) (inbox.Transfer, error) {
	if b.Agent != 0 {
		a, err := s.auth.Agent(b.Agent)
		if err != nil {
			return inbox.Transfer{}, err
		}
		if a.Disabled { // his number may still be known
			return inbox.Transfer{}, &inbox.InvalidError{Field: "agent", Text: "there is no such agent any more: choose somebody else"}
		}
	}
	return inbox.Transfer{Agent: b.Agent, Number: strings.TrimSpace(b.Number), Warm: b.Warm}, nil
}

func (s *Server) endCall(ctx context.Context, i *idIn) (*out[Message], error) {
	return s.steered(ctx, i, s.hub.EndCall(ctx, who(ctx).id(), i.ID, s.traceCall(ctx, "call.ended", i.ID)))
}

func (s *Server) passCall(ctx context.Context, i *idBody[CallTransferRequest]) (*out[Message], error) {
	to, err := s.transferTo(&i.Body)
	if err == nil {
		err = s.hub.PassCall(ctx, who(ctx).id(), i.ID, to, s.traceCall(ctx, "call.passed", i.ID))
	}
	return s.steered(ctx, &idIn{i.ID}, err)
}

// traceCall writes into the security log who steered the call of somebody else.
func (s *Server) traceCall(ctx context.Context, kind string, id uint64) inbox.Trace {
	actor := who(ctx).actor()
	return func(tx *store.Tx, _ *message.Call, speaker uint64) error {
		whose := "somebody at a number"
		if speaker != 0 {
			a, err := s.auth.AgentTx(tx, speaker)
			if err != nil {
				return err
			}
			whose = a.Name
		}
		return s.auth.Record(tx, kind, actor, fmt.Sprintf("call %d, on which %s spoke", id, whose))
	}
}

func (s *Server) completeTransfer(ctx context.Context, i *idIn) (*out[Message], error) {
	return s.steered(ctx, i, s.hub.CompleteTransfer(ctx, who(ctx).id(), i.ID))
}

func (s *Server) cancelCall(ctx context.Context, i *idIn) (*out[Message], error) {
	return s.steered(ctx, i, s.hub.CancelCall(ctx, who(ctx).id(), i.ID))
}

func (s *Server) hangUpCall(ctx context.Context, i *idIn) (*out[Message], error) {
	return s.steered(ctx, i, s.hub.HangUpCall(ctx, who(ctx).id(), i.ID))
}

func (s *Server) wrapUpCall(ctx context.Context, i *idBody[WrapUpRequest]) (*out[Message], error) {
	return s.steered(ctx, &idIn{i.ID}, s.hub.WrapUpCall(ctx, who(ctx).id(), i.ID, i.Body.Reason, i.Body.Note))
}

// steered answers with the call as it is now.
func (s *Server) steered(ctx context.Context, i *idIn, err error) (*out[Message], error) {
	if err != nil {
		return nil, err
	}
	return s.getMessage(ctx, i)
}
