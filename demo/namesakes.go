package demo

import (
	"strings"
	"time"

	"throughline/inbox"
)

// Who may be one person, and who only looks like it: names in two scripts with one
// number below both mails, a nickname, an initial, marks left out, a family that shares
// its telephone, a company whose people all write from info@.

// namesake is one mail of somebody.
type namesake struct {
	from    person
	subject string
	text    string
	footer  string
	days    int // ago
}

const (
	studioNumber = "+44 7700 900533"
	familyNumber = "+44 7700 900417"
	seatNumber   = "+1 202 555 0187"
	zuzanaNumber = "+44 7700 900561"
	newNumber    = "+12025550188" // of somebody who has mailed before
)

var namesakes = [...]namesake{
	{person{"سپیده کیانی", "sepideh.kiani@example.org", ""}, "دوچرخه برای استودیو", "سلام،\n\nبرای رفت‌وآمد بین دو استودیو یک دوچرخهٔ تاشو می‌خواهیم. چه پیشنهادی دارید؟\n\nسپیده کیانی", "سپیده کیانی\nتلفن " + studioNumber, 41},
	{person{"Sepideh Kiani", "sepideh@kiani-studio.example.com", ""}, "Invoice to our studio, please", "Hello,\n\ncould you make out the invoice for the folding bike to the studio? The address is on our site.\n\nThanks, Sepideh", "Sepideh Kiani\nKiani Studio\nmobile " + studioNumber, 12},
	{person{"ธนวัฒน์ ศรีสุข", "thanawat.s@example.net", ""}, "สอบถามเรื่องที่นั่งเด็ก", "สวัสดีครับ\n\nรุ่น Wagtail ติดที่นั่งเด็กได้ไหมครับ ลูกสาวสองขวบครับ\n\nธนวัฒน์", "ธนวัฒน์ ศรีสุข\nโทร. " + seatNumber, 33},
	{person{"Thanawat Srisuk", "t.srisuk@example.org", ""}, "Child seat again", "Hi,\n\nI asked before from my other address: does the child seat also fit the Plover?\n\nThanawat", "Thanawat Srisuk\ncall " + seatNumber, 6},
	{person{"Zuzana Kučerová", "zuzana@kucerova-atelier.example.com", ""}, "Photographs of the Pelican", "Hello,\n\nmay I photograph your Pelican Cargo for a calendar? I come with a stand and two lamps.\n\nZuzana", "Zuzana Kučerová\nTel. " + zuzanaNumber, 44},
	{person{"Zuzana Kucerova", "zkucerova@example.org", ""}, "The pictures are ready", "Hi all,\n\nthe pictures are ready. Where shall I send them?\n\nZuzana", "Zuzana Kucerova\nmobile " + zuzanaNumber, 18},
	{person{"Dan O'Rourke", "d.orourke@example.com", ""}, "My old address is gone", "Hi,\n\nI have changed provider, so this is my new address. The Wagtail is fine.\n\nDan O'Rourke", "", 8},
	{person{"N. Haddad", "nadia.haddad@haddad-law.example.com", "Haddad Law"}, "Two bikes for the office", "Good morning,\n\nwe would like two bikes for the way to the court. Do you lease?\n\nN. Haddad", "Haddad Law", 13},

	{person{"Oliver Bennett", "oliver.bennett@example.org", ""}, "Service for two bikes", "Hello,\n\ncan we bring both bikes on one day? Mine and my wife's.\n\nOliver Bennett", "Oliver Bennett\nTel. " + familyNumber, 52},
	{person{"Grace Bennett", "grace.bennett@example.net", ""}, "A bell like my husband's", "Hi,\n\nmy husband bought a brass bell at yours. I would like the same.\n\nGrace", "Grace Bennett\nTel. " + familyNumber, 37},
	{person{"Theo Bennett", "theo.bennett@example.com", ""}, "School project about gears", "Hello,\n\nI am eleven and make a poster about gears. Do you have an old one I can have?\n\nTheo Bennett", "Theo Bennett\nTel. " + familyNumber, 20},
	{person{"Grace Bennett", "grace.bennett@bennett-pottery.example.com", ""}, "Mugs for your café", "Hello,\n\nI make the mugs you admired last week. Shall I bring some samples?\n\nGrace Bennett", "Grace Bennett\nBennett Pottery\nTel. " + familyNumber, 9},

	{person{"Julia Brandt", "info@fernhill-hotels.example.com", ""}, "Six bikes for our guests", "Hello,\n\nour guests ask for bicycles. What would six of them cost for a season?\n\nJulia Brandt", "Fernhill Hotels, front desk", 48},
	{person{"Marcus Reid", "info@fernhill-hotels.example.com", ""}, "Helmets", "Hello,\n\ntwo helmets of the six do not fit anybody. Can we change them?\n\nMarcus Reid", "Fernhill Hotels, front desk", 30},
	{person{"Petra Novak", "info@fernhill-hotels.example.com", ""}, "Locks", "Good morning,\n\nwe have lost a key. Do you keep the numbers?\n\nPetra Novak", "Fernhill Hotels, front desk", 15},
	{person{"Julia Brandt", "julia.brandt@example.org", ""}, "A bike for myself", "Hello,\n\nafter a season with your bikes at work I want one of my own. Is there a discount for regulars?\n\nJulia Brandt", "", 4},
}

// lookAlikes are their mails, all of them answered long ago.
func (c *cast) lookAlikes(now time.Time, put func(l *letter, boxes ...int), single func(*letter, string, plan, ...string) *letter) {
	for i, n := range namesakes {
		l := &letter{from: n.from, to: []person{our(support, "")}, subject: n.subject, text: n.text, auth: "pass", date: now.Add(-time.Duration(n.days)*24*time.Hour - time.Duration(i)*time.Hour)}
		if n.footer != "" {
			l.text = strings.TrimRight(l.text, "\n") + "\n\n-- \n" + n.footer
		}
		l.id = c.id(l.from)
		put(single(l, "question", plan{status: inbox.Resolved, agent: i % 3}), support)
	}
}
