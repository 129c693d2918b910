package demo

import (
	"fmt"
	"time"
)

// english is the language of most customers.
func english() *language {
	return &language{
		code: "en", zones: []*time.Location{zone("GMT", 0), zone("CET", 60), zone("EST", -300), zone("AEST", 600)},
		greet: []string{"Hi,", "Hello,", "Hi there,", "Dear Larkspur team,", "Good morning,", "Hello Larkspur,", ""},
		close: []string{"Best,\n{first}", "Thanks,\n{first}", "Kind regards,\n{name}", "Cheers\n{first}", "Many thanks\n{name}", "{first}", "Best wishes,\n{name}"},
		phone: []string{"Sent from my phone", "Sent from my tablet"},
		our:   "Hello {first},", ourClose: "Kind regards,\n{agent}",
		words: map[string][]string{
			"model": {"Heron 8", "Heron 11", "Wagtail", "Wagtail Step", "Pelican Cargo", "Swift E", "Wren 20", "Plover Gravel"},
			"size":  {"S", "M", "L", "XL", "52 cm", "56 cm"},
			"part":  {"rear mudguard", "front rack", "hub gear cable", "dynamo headlight", "belt tensioner", "child seat adapter", "kickstand", "brake lever"},
			"city":  {"Bristol", "Leeds", "Ghent", "Utrecht", "Portland", "Adelaide", "Galway", "Malmö"},
			"day":   {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday"},
			"color": {"moss green", "slate blue", "brick red", "cream", "black"},
		},
		people: []person{
			{"Ann Keller", "ann.keller@example.org", ""}, {"Tom Whitfield", "tom.whitfield@example.net", ""},
			{"Priya Raman", "priya.raman@example.com", ""}, {"Owen Castellan", "owen@castellan.example.org", "Castellan Couriers"},
			{"Grace Abara", "grace.abara@example.net", ""}, {"Henrik Solberg", "henrik.solberg@example.org", ""},
			{"Julia Marsh", "julia.marsh@example.com", ""}, {"Daniel O'Rourke", "d.orourke@example.net", ""},
			{"Mei Tanaka", "mei.tanaka@example.org", ""}, {"Lucas Ferreira", "lucas.ferreira@example.net", ""},
			{"Sofia Brandt", "sofia@brandt-design.example.com", "Brandt Design"}, {"Peter Nyström", "peter.nystrom@example.org", ""},
			{"Hannah Lowe", "hannah.lowe@example.net", ""}, {"Samuel Osei", "samuel.osei@example.org", ""},
			{"Clara Dubois", "clara.dubois@example.com", ""}, {"Ben Ashworth", "ben@harbourschool.example.org", "Harbour Primary School"},
			{"Zuzana Kučerová", "zuzana.kucerova@example.net", ""}, {"Rafael Ortiz", "rafael.ortiz@example.org", ""},
			{"Eleanor Voss", "eleanor.voss@example.com", ""}, {"Kofi Mensah", "kofi.mensah@example.net", ""},
			{"Ingrid Falk", "ingrid.falk@example.org", ""}, {"Noah Stern", "noah.stern@example.com", ""},
			{"Amelia Wright", "amelia.wright@example.net", ""}, {"Tobias Lang", "tobias.lang@example.org", ""},
			{"Fiona Gallagher", "fiona.gallagher@example.com", ""}, {"Marcus Bell", "marcus@bellandsons.example.net", "Bell & Sons Cycles"},
			{"Yuki Mori", "yuki.mori@example.org", ""}, {"Laura Pires", "laura.pires@example.net", ""},
			{"Jonas Weber", "jonas.weber@example.com", ""}, {"Chidi Okafor", "chidi.okafor@example.org", ""},
			{"Rosa Martín", "rosa.martin@example.net", ""}, {"Edward Pike", "edward.pike@example.com", ""},
			{"Anouk de Wit", "anouk.dewit@example.org", ""}, {"Callum Reid", "callum.reid@example.net", ""},
			{"Nadia Haddad", "nadia.haddad@example.com", ""}, {"Viktor Hale", "viktor.hale@example.org", ""},
			{"Beatrice Conti", "beatrice.conti@example.net", ""}, {"Simon Archer", "simon@archertours.example.com", "Archer Bicycle Tours"},
			{"Leila Moreau", "leila.moreau@example.org", ""}, {"Greg Tanner", "greg.tanner@example.net", ""},
			{"Astrid Holm", "astrid.holm@example.com", ""}, {"David Whyte", "david.whyte@example.org", ""},
			{"Isabel Cruz", "isabel.cruz@example.net", ""}, {"Martin Sedlak", "martin.sedlak@example.com", ""},
			{"Ruth Feldman", "ruth.feldman@example.org", ""}, {"Jamal Carter", "jamal.carter@example.net", ""},
			{"Emily Stone", "emily.stone@example.com", ""}, {"Oskar Lindgren", "oskar.lindgren@example.org", ""},
		},
		partner: []person{{"Robin Hale", "robin.hale@example.net", ""}, {"Alex Morton", "alex@mortonlegal.example.org", ""}, {"Sam Prior", "sam.prior@example.com", ""}},
		texting: englishTexts(),
		matters: englishMatters(),
		thanks: []string{
			"Perfect, thank you. That answers it.",
			"Great, that is quicker than I expected. I'll let you know how it goes.",
			"Thanks for the fast answer! One more thing: is there anything I need to prepare on my side?",
			"Understood. I'll do that this evening and write again if it doesn't help.",
			"Brilliant, thanks. You can close this one.",
			"Thank you, that is very kind. I told my neighbour about you and he will write too.",
			"OK, that works for me.",
			"Hm, I am not quite sure I understand. Do you mean before or after the weekend?",
			"Good to know. Could you send me that in writing once more with the order number, for my files?",
			"Thanks! Have a good day, all of you.",
		},
		nudges: []string{
			"Just checking whether you have seen my mail. No rush, but I would like to plan the week.",
			"Sorry to ask again: is there any news on this?",
			"I forgot to say: you can also reach me in the evening on +44 20 7946 0018.",
			"I found the receipt meanwhile, the order number is {order}.",
			"One more question about this, if you don't mind: does it also come in {color}?",
		},
		ours: []string{
			"Thank you for your patience. I have asked the workshop and will write again by tomorrow noon.",
			"Good news: it is done. You will get a separate mail with the tracking number in a moment.",
			"Thanks for the details, that helps. I have put a note on your order so that nobody has to ask again.",
			"You are welcome! Write to us any time.",
		},
		notes: []string{
			"Called the workshop: they can fit this in on {day}.",
			"Same fault as in the batch from March. Replace without asking for photos.",
			"Please be generous here, third order from this customer.",
			"Waiting for the carrier, ticket is open with them.",
		},
		wrote: func(style int, at time.Time, p person) string {
			switch style {
			case gmail:
				return fmt.Sprintf("On %s at %s, %s <%s> wrote:", at.Format("Mon, 2 Jan 2006"), at.Format("15:04"), p.name, p.address)
			case apple:
				return fmt.Sprintf("On %s, at %s, %s <%s> wrote:", at.Format("2 Jan 2006"), at.Format("15:04"), p.name, p.address)
			}
			return fmt.Sprintf("On %s, %s wrote:", at.Format("02/01/2006 15:04"), p.name)
		},
		outlook: [4]string{"From", "Sent", "To", "Subject"},
		auto:    letterText{"Automatic reply: {subject}", "Thank you for your mail. I am out of the office until {day} and read no mail until then.\n\nIn urgent cases please write to my colleagues at office@example.net."},
	}
}
