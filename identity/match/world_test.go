package match

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// world invents records of people of whom the truth is known: households that share
// a number, an address and sometimes a mailbox, twins, fathers and sons of one name,
// companies whose people write from info@, names in Latin, Persian and Thai letters.
type world struct {
	*rand.Rand
	records []Record
	person  []int // of each record
	people  int
}

var (
	latinGiven = strings.Fields(`Robert Elizabeth Thomas Margaret William Anna Hans Julia Peter Sofia Lars Ingrid Paul Emma Victor Clara Michael Laura
Daniel Sarah Oscar Nina Felix Ruth Andrew Alice Edward Rose Martin Helen Simon Grace Jonas Vera Leon Ida Hugo Marta Bruno Olga Patrick Irene`)
	latinStart = strings.Fields(`Ash Brook Carl Dun Elm Fair Glen Hart Kirk Lang Mar North Oak Pem Rad Stan Thorn Wal West York Berg Stein Lind Gold Haw Tre Pol Pen`)
	latinEnd   = strings.Fields(`ley ton ham ford wood field berg mann er ström feld stone well by worth ridge more den son baum hurst cott`)

	persian = [][2]string{{"علی", "Ali"}, {"محمد", "Mohammad"}, {"رضا", "Reza"}, {"زهرا", "Zahra"}, {"مریم", "Maryam"}, {"حسین", "Hossein"}, {"مهدی", "Mehdi"},
		{"سارا", "Sara"}, {"نرگس", "Narges"}, {"امیر", "Amir"}, {"شیرین", "Shirin"}, {"فرهاد", "Farhad"}, {"کاوه", "Kaveh"}, {"لیلا", "Leila"}}
	persianFamily = [][2]string{{"احمدی", "Ahmadi"}, {"حسینی", "Hosseini"}, {"کریمی", "Karimi"}, {"رحیمی", "Rahimi"}, {"موسوی", "Mousavi"}, {"صادقی", "Sadeghi"},
		{"رستمی", "Rostami"}, {"جعفری", "Jafari"}, {"نوری", "Nouri"}, {"شریفی", "Sharifi"}, {"باقری", "Bagheri"}, {"یزدانی", "Yazdani"}, {"فرهادی", "Farhadi"}, {"تهرانی", "Tehrani"}}
	thai = [][2]string{{"สมชาย", "Somchai"}, {"ศิริพร", "Siriporn"}, {"อนันต์", "Anan"}, {"มาลี", "Malee"}, {"วิชัย", "Wichai"}, {"นภา", "Napa"}, {"ธนา", "Thana"},
		{"กิตติ", "Kitti"}, {"สุดา", "Suda"}, {"ประเสริฐ", "Prasert"}, {"พิมพ์", "Pim"}, {"ณัฐวุฒิ", "Nattawut"}}
	thaiFamily = [][2]string{{"ใจดี", "Jaidee"}, {"แสงทอง", "Saengthong"}, {"ศรีสุข", "Srisuk"}, {"บุญมา", "Boonma"}, {"ทองดี", "Thongdee"}, {"วงศ์สกุล", "Wongsakul"},
		{"รัตนา", "Rattana"}, {"พรหมมา", "Phromma"}, {"สุวรรณ", "Suwan"}, {"จันทร์", "Chan"}}
	streets = strings.Fields(`Mill Church Station Park Garden Bridge Castle Forest Lake Market Spring Hill School Tower Orchard Meadow Harbour King Queen Rose`)
	towns   = strings.Fields(`Norwick Elmstead Harrow Ashby Kelso Marden Thirsk Bexley Otley Corby`)
)

func pick[T any](w *world, from []T) T { return from[w.IntN(len(from))] }

// being is somebody of the world, as he is.
type being struct {
	given, family    [2]string // in his own letters and in Latin
	born             string
	address, town    string
	postcode         string
	phone, mail      string
	company, website string
}

// fill adds n people.
func (w *world) fill(n int) {
	for n > 0 {
		family := w.family()
		home := being{address: fmt.Sprintf("%d %s Street", 1+w.IntN(200), pick(w, streets)), town: pick(w, towns), phone: w.phone()}
		home.postcode = fmt.Sprintf("%c%c%d %d", 'A'+w.IntN(26), 'A'+w.IntN(26), 1+w.IntN(20), 100+w.IntN(900))
		size := 1
		if w.IntN(4) == 0 {
			size = 2 + w.IntN(3)
		}
		born := w.date(1940, 2004)
		kind := w.IntN(60) // of the household
		var first being
		names := map[[2]string]bool{}
		for k := range min(size, n) {
			p := home
			p.family = family.family
			p.given = w.given(family)
			for tries := 0; names[p.given] && tries < 20; tries++ {
				p.given = w.given(family)
			}
			p.born = w.date(1940, 2004)
			switch {
			case k == 0:
				first = p
				p.born = born
			case kind < 8: // twins
				p.born = born
			case kind == 8 && k == 1: // father and son of one name
				p.given = first.given
				p.born = fmt.Sprintf("%d%s", 1960+w.IntN(3)+24, born[4:])
				born = "1940" + born[4:]
			}
			names[p.given] = true
			if kind < 45 || size == 1 {
				p.mail = w.mail(p)
			} else {
				p.mail = fmt.Sprintf("%s.home%d@example.com", strings.ToLower(latin(p.family[1])), w.people-k)
			}
			if w.IntN(3) > 0 {
				p.phone = w.phone() // his own
			}
			if w.IntN(5) == 0 {
				p.company = pick(w, latinStart) + pick(w, latinEnd) + fmt.Sprint(w.IntN(20)) + pick(w, []string{" Ltd", " GmbH", " & Co", ""})
				p.website = strings.ToLower(strings.Map(letterOrDigit, p.company)) + ".example"
			}
			w.add(p)
			n--
		}
	}
}

func letterOrDigit(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

func latin(s string) string { return strings.NewReplacer("ö", "o").Replace(s) }

func (w *world) family() being {
	switch w.IntN(10) {
	case 0:
		return being{family: pick(w, persianFamily), company: "fa"}
	case 1:
		return being{family: pick(w, thaiFamily), company: "th"}
	}
	f := pick(w, latinStart) + pick(w, latinEnd)
	if w.IntN(20) == 0 {
		f = pick(w, []string{"Smith", "Jones", "Miller"})
	} else if w.IntN(2) == 0 {
		f = pick(w, latinStart) + strings.ToLower(pick(w, latinStart)) + pick(w, latinEnd)
	}
	return being{family: [2]string{f, f}}
}

func (w *world) given(f being) [2]string {
	switch f.company {
	case "fa":
		return pick(w, persian)
	case "th":
		return pick(w, thai)
	}
	g := pick(w, latinGiven)
	return [2]string{g, g}
}

func (w *world) date(from, to int) string {
	return fmt.Sprintf("%d-%02d-%02d", from+w.IntN(to-from), 1+w.IntN(12), 1+w.IntN(28))
}

func (w *world) phone() string { return fmt.Sprintf("+44 7%03d %06d", w.IntN(1000), w.IntN(1000000)) }

func (w *world) mail(p being) string {
	g, f := strings.ToLower(latin(p.given[1])), strings.ToLower(latin(p.family[1]))
	switch w.IntN(3) {
	case 0:
		return fmt.Sprintf("%s.%s%d@example.com", g, f, w.IntN(500))
	case 1:
		return fmt.Sprintf("%s%s@mail%d.example.net", g[:1], f, w.IntN(300))
	}
	return fmt.Sprintf("%s%d@example.org", g, w.IntN(900000))
}

// add makes one to four records of a person.
func (w *world) add(p being) {
	n := 1
	if w.IntN(3) == 0 {
		n = 2 + w.IntN(3)
	}
	for k := range n {
		r := w.record(p, k > 0)
		r.ID = fmt.Sprintf("r%d", len(w.records))
		w.records = append(w.records, r)
		w.person = append(w.person, w.people)
	}
	w.people++
}

// record is what one source knows of p; a further one has changes.
func (w *world) record(p being, changed bool) Record {
	var r Record
	script := 0
	if w.IntN(2) == 0 {
		script = 1
	}
	g, f := p.given[script], p.family[script]
	if changed {
		switch w.IntN(8) {
		case 0:
			g = w.slip(g)
		case 1:
			f = w.slip(f)
		case 2:
			if script == 1 {
				g = g[:1] + "."
			}
		case 3:
			if c := nicknames[strings.ToLower(g)]; len(c) > 0 {
				g = strings.Fields(strings.Split(strings.TrimSpace(nicknameLines), "\n")[c[0]])[1]
			}
		}
	}
	switch w.IntN(4) {
	case 0:
		r.Names = []string{g + " " + f}
	case 1:
		r.Names = []string{f + ", " + g}
	default:
		r.First, r.Last = []string{g}, []string{f}
	}
	has := func(of10 int) bool { return w.IntN(10) < of10 }
	if has(7) {
		r.Emails = []string{p.mail}
		if p.website != "" && has(3) {
			r.Emails = []string{"info@" + p.website}
		} else if changed && has(2) {
			r.Emails = []string{w.mail(p)}
		}
	}
	if has(6) {
		r.Phones = []string{p.phone}
		if has(3) {
			r.Phones = []string{"0" + strings.TrimPrefix(p.phone, "+44 ")}
		}
	}
	if has(5) {
		r.Born = []string{p.born}
		if changed && has(1) {
			r.Born = []string{p.born[:4] + "-" + p.born[8:] + "-" + p.born[5:7]}
		}
	}
	if has(6) {
		r.Addresses, r.Cities, r.Postcodes = []string{p.address}, []string{p.town}, []string{p.postcode}
		if changed && has(2) {
			r.Addresses = []string{strings.Replace(w.slip(p.address), "Street", "St", 1)}
		}
	}
	if p.company != "" && has(7) {
		r.Companies = []string{p.company}
	}
	return r
}

// slip changes one letter.
func (w *world) slip(s string) string {
	r := []rune(s)
	if len(r) < 4 {
		return s
	}
	i := 1 + w.IntN(len(r)-2)
	switch w.IntN(3) {
	case 0:
		r[i], r[i+1] = r[i+1], r[i]
	case 1:
		r = append(r[:i], r[i+1:]...)
	default:
		r[i] = r[i-1]
	}
	return string(r)
}

func newWorld(seed uint64, people int) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7))}
	w.fill(people)
	return w
}

// quality is how many pairs of a result are right (precision), and how many of the
// right ones it has (recall).
func quality(person []int, clusters []Cluster) (precision, recall float64, wrong [][2]int) {
	size := map[int]int{}
	for _, p := range person {
		size[p]++
	}
	right, made, all := 0, 0, 0
	for _, n := range size {
		all += n * (n - 1) / 2
	}
	for _, c := range clusters {
		for i, a := range c.Records {
			for _, b := range c.Records[:i] {
				made++
				if person[a] == person[b] {
					right++
				} else {
					wrong = append(wrong, [2]int{b, a})
				}
			}
		}
	}
	return float64(right) / float64(max(1, made)), float64(right) / float64(max(1, all)), wrong
}
