package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// What the teams of Larkspur know of their customers: cards, companies, who is what
// to whom, fields of their own, and what is still to be done.

// known is what stands on the card of somebody with this address.
type known struct {
	address string
	owner   int // a place in a plan
	next    int // days from now until the next step
	fields  map[string]string
	own     map[string]string // custom fields by name
	tags    []string
}

var cards = []known{
	{address: "owen@castellan.example.org", owner: visitor, next: -1, tags: []string{"fleet", "key account"},
		fields: map[string]string{
			identity.FieldGoals:    "Sixteen cargo bikes on the road by March, one service contract for all of them.",
			identity.FieldInterest: "Uptime of the fleet; belt drives; our spare-part prices for 2027.",
			identity.FieldDos:      "Answer in Slack before ten, his riders start then.\nAlways name the bike by its number.",
			identity.FieldDonts:    "No offers without a delivery date.",
			identity.FieldNextStep: "Send the offer for three more Pelican Cargo",
			identity.FieldLanguage: "en", identity.FieldTimeZone: "Europe/London",
			identity.FieldNote: "Bikes 1 to 8 are his, 9 to 12 are leased until June.",
		}, own: map[string]string{"Frame size": "L", "Workshop pickup": "yes"}},
	{address: "margit.olsen@example.org", owner: 1, next: 5, tags: []string{"workshop"},
		fields: map[string]string{
			identity.FieldGoals:    "Ride to Trondheim in summer with her sister.",
			identity.FieldInterest: "Touring; maps; old Sturmey hubs.",
			identity.FieldDos:      "Ring in the evening, she is in class all day.",
			identity.FieldDonts:    "Do not sell her an electric one again.",
			identity.FieldNextStep: "Ask whether the new saddle fits",
			identity.FieldTimeZone: "Europe/Oslo",
		}, own: map[string]string{"Frame size": "M", "Birthday": "1968-04-12"}},
	{address: "sofia@brandt-design.example.com", owner: 0, next: 12,
		fields: map[string]string{
			identity.FieldGoals:    "A company bike for each of her nine people.",
			identity.FieldDos:      "Send pictures, she decides by them.",
			identity.FieldNextStep: "Show the colours of the new season",
			identity.FieldTimeZone: "Europe/Berlin",
		}},
	{address: "narges.ahmadi@example.org", owner: 3, next: 2,
		fields: map[string]string{
			identity.FieldGoals:    "دوچرخه‌ای برای رفتن به محل کار، پیش از نوروز",
			identity.FieldInterest: "دوچرخه‌های تاشو، کمک‌موتور",
			identity.FieldDos:      "به فارسی بنویسید.",
			identity.FieldDonts:    "پیش از ساعت ۱۱ زنگ نزنید.",
			identity.FieldNextStep: "فرستادن قرارداد تازه",
			identity.FieldTimeZone: "Asia/Tehran",
		}, own: map[string]string{"Birthday": "1985-09-03"}},
	{address: "ben@harbourschool.example.org", owner: 2,
		fields: map[string]string{identity.FieldGoals: "Cycle training for two classes each spring.", identity.FieldDonts: "Nothing during the holidays."}},
}

// ownFields are the custom fields, those of customers first.
var ownFields = []identity.FieldDef{
	{Name: "Frame size", Kind: identity.KindChoice, Of: identity.OfCustomer, Choices: []string{"S", "M", "L", "XL"}, Order: 1},
	{Name: "Birthday", Kind: identity.KindDate, Of: identity.OfCustomer, Order: 2},
	{Name: "Workshop pickup", Kind: identity.KindYesNo, Of: identity.OfCustomer, Order: 3},
	{Name: "VAT number", Kind: identity.KindText, Of: identity.OfCompany, Order: 1},
	{Name: "Payment", Kind: identity.KindChoice, Of: identity.OfCompany, Choices: []string{"14 days", "30 days", "In advance"}, Order: 2},
}

// firm is a company with its people by address.
type firm struct {
	name    string
	domains []string
	note    string
	own     map[string]string
	people  [][2]string // address, role
}

var firms = []firm{
	{"Castellan Couriers", []string{"castellan.example.org"}, "Pays on the day. Invoices go to Mira.", map[string]string{"VAT number": "GB 000 0000 00", "Payment": "14 days"},
		[][2]string{{"owen@castellan.example.org", "Managing director"}, {"viktor.hale@example.org", "Workshop"}}},
	{"Harbour Primary School", []string{"harbourschool.example.org"}, "Orders need the headmistress's signature.", map[string]string{"Payment": "30 days"},
		[][2]string{{"ben@harbourschool.example.org", "Teacher"}, {"emily.stone@example.com", "Headmistress"}}},
}

// kin says that the first is what to the second.
var kin = [][3]string{
	{"oliver.bennett@example.org", "spouse", "grace.bennett@example.net"},
	{"theo.bennett@example.com", "child", "oliver.bennett@example.org"},
	{"emily.stone@example.com", "manager", "ben@harbourschool.example.org"},
	{"viktor.hale@example.org", "colleague", "owen@castellan.example.org"},
}

// errands are the tasks; due is in hours from now, 0 some day.
var errands = []struct {
	text    string
	due     time.Duration
	who     int
	address string
	done    bool
}{
	{"Call Owen about the three Pelican Cargo", -26 * time.Hour, visitor, "owen@castellan.example.org", false},
	{"Order the rain cover for Margit", 3 * time.Hour, visitor, "margit.olsen@example.org", false},
	{"Send Sofia the colour cards", 22 * time.Hour, 0, "sofia@brandt-design.example.com", false},
	{"Ask the school for the size of the classes", 6 * 24 * time.Hour, nobody, "ben@harbourschool.example.org", false},
	{"Write down what a fleet service costs us", 0, visitor, "", false},
	{"Measure the frame", -50 * time.Hour, 1, "margit.olsen@example.org", true},
}

// relate fills in what is known, for those who have written by now.
func (w *World) relate(ctx context.Context) error {
	own := map[string]string{} // field by name
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		defs, err := w.hub.Identity.FieldDefs(tx)
		for _, d := range defs {
			own[d.Name] = strconv.FormatUint(d.ID, 10)
		}
		return err
	}); err != nil {
		return err
	}
	for _, d := range ownFields {
		if own[d.Name] != "" {
			continue
		}
		made, err := w.hub.PutField(ctx, w.agents[0], 0, func(f *identity.FieldDef) { *f = d })
		if err != nil {
			return fmt.Errorf("add a custom field: %w", err)
		}
		own[d.Name] = strconv.FormatUint(made.ID, 10)
	}
	ids := map[string]uint64{}
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		find := func(address string) {
			if h, ok := w.hub.Identity.Find(tx, message.NewHandle("mailto", address)); ok {
				ids[address] = h.Customer
			}
		}
		for _, c := range cards {
			find(c.address)
		}
		for _, f := range firms {
			for _, p := range f.people {
				find(p[0])
			}
		}
		for _, k := range kin {
			find(k[0])
			find(k[2])
		}
		return nil
	}); err != nil {
		return err
	}
	for _, f := range firms {
		if err := w.found(ctx, f, own, ids); err != nil {
			return fmt.Errorf("add %s: %w", f.name, err)
		}
	}
	for _, c := range cards {
		if err := w.fill(ctx, c, own, ids[c.address]); err != nil {
			return fmt.Errorf("fill in the card of %s: %w", c.address, err)
		}
	}
	for _, k := range kin {
		if ids[k[0]] == 0 || ids[k[2]] == 0 || ids[k[0]] == ids[k[2]] {
			continue
		}
		if err := w.hub.Relate(ctx, w.agents[1], ids[k[0]], ids[k[2]], k[1]); err != nil {
			return fmt.Errorf("relate %s: %w", k[0], err)
		}
	}
	for _, e := range errands {
		if e.address != "" && ids[e.address] == 0 {
			continue
		}
		t := inbox.Task{Text: e.text, Assignee: w.agent(e.who), Customer: ids[e.address]}
		if e.due != 0 {
			t.Due = time.Now().Add(e.due).Truncate(time.Minute)
		}
		id, err := w.hub.AddTask(ctx, w.agents[0], t)
		if err == nil && e.done {
			err = w.hub.ChangeTask(ctx, w.agent(e.who), id, inbox.TaskChange{Done: &e.done})
		}
		if err != nil {
			return fmt.Errorf("add a task: %w", err)
		}
	}
	return nil
}

// found adds a company and its people.
func (w *World) found(ctx context.Context, f firm, own map[string]string, ids map[string]uint64) error {
	var there uint64 // made before from the card of somebody
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		if c, ok := w.hub.Identity.CompanyNamed(tx, f.name); ok {
			there = c.ID
		}
		return nil
	}); err != nil {
		return err
	}
	c, err := w.hub.PutCompany(ctx, w.agents[1], there, 0, func(c *identity.Company) {
		c.Name, c.Domains, c.Note, c.Fields = f.name, f.domains, f.note, map[string]string{}
		for name, v := range f.own {
			c.Fields[own[name]] = v
		}
	})
	if err != nil {
		return err
	}
	for _, p := range f.people {
		if id := ids[p[0]]; id != 0 {
			if err := w.hub.Join(ctx, w.agents[1], id, c.ID, p[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill writes a card, in two steps by two colleagues, so that it has a history.
func (w *World) fill(ctx context.Context, c known, own map[string]string, id uint64) error {
	if id == 0 {
		return nil
	}
	var first, second []identity.Edit
	for _, field := range slices.Sorted(maps.Keys(c.fields)) {
		value := c.fields[field]
		if field == identity.FieldGoals {
			draft, _, _ := strings.Cut(value, ",")
			first = append(first, identity.Edit{Field: field, Value: draft})
		}
		second = append(second, identity.Edit{Field: field, Value: value})
	}
	for _, name := range slices.Sorted(maps.Keys(c.own)) {
		second = append(second, identity.Edit{Field: "field:" + own[name], Value: c.own[name]})
	}
	if owner := w.agent(c.owner); owner != 0 {
		second = append(second, identity.Edit{Field: identity.FieldOwner, Value: strconv.FormatUint(owner, 10)})
	}
	if c.next != 0 {
		second = append(second, identity.Edit{Field: identity.FieldNextDate, Value: time.Now().AddDate(0, 0, c.next).Format(time.DateOnly)})
	}
	if c.tags != nil {
		second = append(second, identity.Edit{Field: identity.FieldTags, Value: strings.Join(c.tags, "\n")})
	}
	if err := w.hub.EditCard(ctx, w.agents[1], id, first); err != nil {
		return err
	}
	return w.hub.EditCard(ctx, w.agents[0], id, second)
}
