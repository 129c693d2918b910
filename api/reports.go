package api

import (
	"context"
	"encoding/csv"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"throughline/preference"
)

// The managers' board "Channels": its numbers, and the lists behind them.

func (s *Server) boardRoutes() {
	const g = "Board"
	add(s, route{id: "getBoard", method: "GET", path: "/api/board", role: manager, group: g, summary: "How channels do, by purpose"}, s.getBoard)
	add(s, route{id: "getBoardCSV", method: "GET", path: "/api/board/csv", role: manager, group: g, summary: "The same as a table", raw: "text/csv"}, s.getBoardCSV)
	add(s, route{id: "listBoardContacts", method: "GET", path: "/api/board/contacts", role: manager, group: g, summary: "The messages that a number counts"}, s.listBoardContacts)
	add(s, route{id: "listUnheeded", method: "GET", path: "/api/board/unheeded", role: manager, group: g, summary: "Customers whose stated preference was not followed"}, s.listUnheeded)
}

// BoardSpan are the days of a board and what narrows it down.
type BoardSpan struct {
	From     string `query:"from" required:"true" maxLength:"10" doc:"First day, as 2026-03-01, in the board's time zone."`
	To       string `query:"to" required:"true" maxLength:"10" doc:"Last day."`
	Agent    uint64 `query:"agent" doc:"Who wrote, or has the conversation."`
	Team     uint64 `query:"team" doc:"That the conversation is with."`
	Language string `query:"language" maxLength:"40" doc:"Of the customer."`
	Tag      string `query:"tag" maxLength:"100" doc:"Of the conversation."`
}

func (b *BoardSpan) query() preference.BoardQuery {
	return preference.BoardQuery{From: b.From, To: b.To, Agent: b.Agent, Team: b.Team, Language: b.Language, Tag: b.Tag}
}

func (s *Server) board(i *BoardSpan) (b *preference.Board, err error) {
	return b, s.view(func(v *view) error {
		b, err = s.hub.Preference.Board(v.tx, i.query())
		return err
	})
}

func (s *Server) getBoard(ctx context.Context, i *BoardSpan) (*out[Board], error) {
	b, err := s.board(i)
	if err != nil {
		return nil, err
	}
	o := &out[Board]{Board{From: b.From, To: b.To, TimeZone: b.Zone, Total: boardCell(b.Total), Cells: make([]BoardCell, 0, len(b.Cells)), Follow: []BoardFollow{},
		Switches: []BoardSwitch{}, Weeks: []BoardWeek{}, Days: make([]BoardDay, 0, len(b.Days)), Agents: b.Agents, Teams: b.Teams, Languages: b.Spoken}}
	for _, c := range b.Cells {
		o.Body.Cells = append(o.Body.Cells, boardCell(c))
	}
	for _, f := range b.Follow {
		o.Body.Follow = append(o.Body.Follow, BoardFollow(f))
	}
	for _, w := range b.Switches {
		o.Body.Switches = append(o.Body.Switches, BoardSwitch(w))
	}
	for _, w := range b.Weeks {
		week := BoardWeek{Channel: w.Channel}
		for d := range 7 {
			week.In, week.Out = append(week.In, w.In[d][:]), append(week.Out, w.Out[d][:])
		}
		o.Body.Weeks = append(o.Body.Weeks, week)
	}
	for _, d := range b.Days {
		o.Body.Days = append(o.Body.Days, BoardDay(d))
	}
	return o, nil
}

func boardCell(c preference.BoardCell) BoardCell { return BoardCell(c) }

// getBoardCSV is one line for each purpose and channel.
func (s *Server) getBoardCSV(ctx context.Context, i *BoardSpan) (*huma.StreamResponse, error) {
	b, err := s.board(i)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "text/csv; charset=utf-8")
		c.SetHeader("Content-Disposition", disposition(false, "channels-"+b.From+"-"+b.To+".csv"))
		w := csv.NewWriter(c.BodyWriter())
		_ = w.Write([]string{"purpose", "channel", "messages_in", "messages_out", "asked", "answered", "median_answer_seconds", "reached", "replied",
			"median_reply_seconds", "opened", "resolved", "median_resolution_seconds", "failed", "messages_before"})
		for _, x := range b.Cells {
			row := []string{safeCell(x.Purpose), safeCell(x.Channel)}
			for _, n := range []int64{x.In, x.Out, x.Asked, x.Answered, x.Ours, x.Reached, x.Replied, x.Theirs, x.Opened, x.Resolved, x.Resolution, x.Failed, x.Before} {
				text := strconv.FormatInt(n, 10)
				if n < 0 {
					text = ""
				}
				row = append(row, text)
			}
			_ = w.Write(row) // a client that has gone is no error of ours
		}
		w.Flush()
	}}, nil
}

// safeCell keeps a spreadsheet from taking a text for a formula.
func safeCell(s string) string {
	if s != "" && slices.Contains([]byte("=+-@\t\r"), s[0]) {
		return "'" + s
	}
	return s
}

// noPurpose asks for what has none: an empty parameter is as good as an absent one.
const noPurpose = "-"

type boardContactsIn struct {
	BoardSpan
	Number   string `query:"number" required:"true" enum:"messages,in,out,asked,answered,unanswered,reached,replied,silent,opened,resolved,failed,followed,deviated,followed_reached,deviated_reached,followed_replied,deviated_replied,stated_followed,stated_deviated,set_followed,set_deviated,learned_followed,learned_deviated,switched,switched_in,switched_out"`
	Purpose  string `query:"purpose" maxLength:"31" doc:"Absent is any, - is none."`
	Channel  string `query:"channel" maxLength:"100"`
	Over     string `query:"over" maxLength:"100" doc:"The channel before, of switches."`
	Customer uint64 `query:"customer" doc:"One person's."`
	Hour     int    `query:"hour" minimum:"-1" maximum:"23" default:"-1"`
	Weekday  int    `query:"weekday" minimum:"-1" maximum:"6" default:"-1" doc:"Sunday is 0."`
	Paging
}

func (s *Server) listBoardContacts(ctx context.Context, i *boardContactsIn) (*out[BoardContacts], error) {
	q := preference.Behind{BoardQuery: i.BoardSpan.query(), Number: i.Number, Channel: i.Channel, Over: i.Over, Customer: i.Customer, Hour: i.Hour, Weekday: i.Weekday, Limit: i.Limit}
	switch i.Purpose {
	case "":
	case noPurpose:
		q.Purpose = new(string)
	default:
		q.Purpose = &i.Purpose
	}
	var err error
	if q.After, err = i.key(); err != nil {
		return nil, err
	}
	o := &out[BoardContacts]{BoardContacts{Contacts: []BoardContact{}}}
	return o, s.view(func(v *view) error {
		list, next, err := s.hub.Preference.List(v.tx, q)
		if err != nil {
			return err
		}
		o.Body.Next = cursor(next)
		for n := range list {
			c, err := v.boardContact(&list[n])
			if err != nil {
				return err
			}
			o.Body.Contacts = append(o.Body.Contacts, c)
		}
		return nil
	})
}

func (v *view) boardContact(c *preference.Contact) (BoardContact, error) {
	e, err := v.evidence(c)
	out := BoardContact{Evidence: e, Agent: c.Agent, Over: c.Over, Advised: c.Advised}
	if err != nil || c.Handle == 0 {
		return out, err
	}
	brief := v.brief
	if c.Whose != 0 {
		brief = v.briefOf
	}
	if b, err := brief(c.Subject()); err == nil { // erased otherwise
		out.Customer, out.Name = b.ID, b.Name
	}
	return out, nil
}

func (s *Server) listUnheeded(ctx context.Context, i *BoardSpan) (*out[UnheededList], error) {
	const most = 50
	o := &out[UnheededList]{UnheededList{Customers: []Unheeded{}}}
	return o, s.view(func(v *view) error {
		list, err := s.hub.Preference.Unheeded(v.tx, i.query(), most)
		if err != nil {
			return err
		}
		for n := range list {
			last, err := v.boardContact(&list[n].Last)
			if err != nil {
				return err
			}
			o.Body.Customers = append(o.Body.Customers, Unheeded{Customer: list[n].Customer, Name: last.Name, Count: list[n].Count, Last: last})
		}
		return nil
	})
}

// Board is how channels do in some days.
type Board struct {
	From      string        `json:"from"`
	To        string        `json:"to"`
	TimeZone  string        `json:"time_zone" doc:"Of days and hours."`
	Total     BoardCell     `json:"total"`
	Cells     []BoardCell   `json:"cells" doc:"By purpose and channel."`
	Follow    []BoardFollow `json:"follow"`
	Switches  []BoardSwitch `json:"switches" doc:"Most often first."`
	Weeks     []BoardWeek   `json:"weeks"`
	Days      []BoardDay    `json:"days"`
	Agents    []uint64      `json:"agents" doc:"That occur."`
	Teams     []uint64      `json:"teams" doc:"That occur."`
	Languages []string      `json:"languages" doc:"That occur."`
}

// BoardCell tells of one purpose and channel. Times are medians in seconds, -1 where
// nothing was counted.
type BoardCell struct {
	Purpose    string `json:"purpose"`
	Channel    string `json:"channel"`
	In         int64  `json:"in" doc:"Messages of customers."`
	Out        int64  `json:"out" doc:"Messages of ours."`
	Asked      int64  `json:"asked" doc:"Turns of customers that wanted an answer."`
	Answered   int64  `json:"answered"`
	Reached    int64  `json:"reached" doc:"Turns of ours that wanted an answer."`
	Replied    int64  `json:"replied"`
	Opened     int64  `json:"opened" doc:"Conversations that began."`
	Resolved   int64  `json:"resolved" doc:"Of those."`
	Failed     int64  `json:"failed"`
	Ours       int64  `json:"ours" doc:"Median time until we answered."`
	Theirs     int64  `json:"theirs" doc:"Median time until the customer did."`
	Resolution int64  `json:"resolution"`
	Before     int64  `json:"before" doc:"Messages in as many days before."`
}

// BoardFollow tells whether our messages followed what was proposed, by whence that
// came.
type BoardFollow struct {
	Source          string `json:"source" enum:"stated,set,learned"`
	Followed        int64  `json:"followed" doc:"Messages of ours that went over the channel that was proposed."`
	FollowedReached int64  `json:"followed_reached" doc:"Of those, how many wanted an answer: the last of a turn."`
	FollowedReplied int64  `json:"followed_replied"`
	Deviated        int64  `json:"deviated" doc:"That went over another."`
	DeviatedReached int64  `json:"deviated_reached"`
	DeviatedReplied int64  `json:"deviated_replied"`
	FollowedTime    int64  `json:"followed_time" doc:"Median seconds until customers answered where a proposal of any source was followed."`
	DeviatedTime    int64  `json:"deviated_time"`
}

// BoardSwitch is how often somebody went over from one channel to another.
type BoardSwitch struct {
	From string `json:"from"`
	To   string `json:"to"`
	In   int64  `json:"in" doc:"By customers."`
	Out  int64  `json:"out" doc:"By us."`
}

// BoardWeek is the use of a channel by weekday (Sunday first) and hour.
type BoardWeek struct {
	Channel string    `json:"channel"`
	In      [][]int64 `json:"in"`
	Out     [][]int64 `json:"out"`
}

// BoardDay is the use of channels on a day.
type BoardDay struct {
	Date  string           `json:"date"`
	Count map[string]int64 `json:"count" doc:"Messages by channel."`
}

// BoardContact is a message that a number counts.
type BoardContact struct {
	Evidence
	Customer uint64 `json:"customer,omitempty"`
	Name     string `json:"name,omitempty"`
	Agent    uint64 `json:"agent,omitempty"`
	Over     string `json:"over,omitempty" doc:"The channel before, if it was another."`
	Advised  string `json:"advised,omitempty" doc:"The channel that was proposed."`
}

// BoardContacts are messages that a number counts. A page may be short, or empty,
// and still have a next one.
type BoardContacts struct {
	Contacts []BoardContact `json:"contacts"`
	Next     string         `json:"next,omitempty"`
}

// Unheeded is a customer whose stated preference was not followed.
type Unheeded struct {
	Customer uint64       `json:"customer"`
	Name     string       `json:"name"`
	Count    int          `json:"count"`
	Last     BoardContact `json:"last"`
}

// UnheededList are such customers, most often first.
type UnheededList struct {
	Customers []Unheeded `json:"customers"`
}
