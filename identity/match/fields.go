package match

// Field is what is compared of two records.
type Field uint8

// The fields. Attributes of a base that many records have follow AttrFirst, each
// as a field of its own.
const (
	Given Field = iota
	Family
	Email
	Phone
	Born
	Address
	Postcode
	City
	State
	Company
	Username
	AttrFirst

	// MaxAttrs is how many attributes are compared.
	MaxAttrs  = 5
	numFields = int(AttrFirst) + MaxAttrs
)

var fieldNames = [...]string{"given_name", "family_name", "email", "phone", "born", "address", "postcode", "city", "state", "company", "username"}

// Levels says for each field how well two records agree in it: 0 if one of them
// says nothing, else the number of a level, 1 for the same.
type Levels [numFields]uint8

// Levels of the fields besides names.
const (
	same = 1

	emailNear   = 2 // a slip of the pen
	emailLocal  = 3 // the same name at another provider
	emailDigits = 4 // other figures behind the same name
	emailNamed  = 5 // both are made of the same person's name: that says no more than the name
	emailDomain = 6 // the same company's domain
	emailShared = 7 // the same address, which several people use
	emailOther  = 8

	phoneNear   = 2
	phoneShared = 3
	phoneOther  = 4

	bornNear  = 2 // one figure differs, or day and month are swapped
	bornPart  = 3 // two of year, month and day are the same
	bornOther = 4
	bornApart = 5 // a generation apart

	valueNear  = 2
	valueOther = 3
	placeLike  = 3 // of addresses
	placeOther = 4
	stateOther = 2
)

// level is what is assumed of a level before anything is learned: how often it
// occurs among pairs of one person (m) and of two (u), and the most it may come to
// say, in bits, whatever was learned; 0 means no bound.
type level struct {
	code string
	m, u float64
	most float64
}

// field is a field's levels, best first, and whether the frequency of a value
// counts: to share a rare name says more than to share a common one.
type field struct {
	levels []level
	common bool
}

func prior(f Field) field {
	switch f {
	case Given:
		return field{common: true, levels: []level{
			{"same", 0.73, 0.008, 0}, {"variant", 0.06, 0.001, 0}, {"near", 0.08, 0.003, 0}, {"similar", 0.03, 0.012, 0}, {"initial", 0.04, 0.03, 0}, {"other", 0.06, 0.945, 0}}}
	case Family:
		return field{common: true, levels: []level{
			{"same", 0.80, 0.004, 0}, {"variant", 0.03, 0.0003, 0}, {"near", 0.08, 0.002, 0}, {"similar", 0.02, 0.012, 0}, {"initial", 0.01, 0.02, 0}, {"other", 0.06, 0.96, 0}}}
	case Email:
		return field{levels: []level{
			{"same", 0.52, 1e-5, 0}, {"near", 0.06, 2e-5, 0}, {"local", 0.05, 1e-4, 7}, {"digits", 0.02, 2e-4, 3}, {"named", 0.04, 0.01, 1}, {"domain", 0.04, 0.008, 3},
			{"shared", 0.01, 0.002, 2}, {"other", 0.26, 0.98, 0}}}
	case Phone:
		return field{levels: []level{
			{"same", 0.52, 1e-5, 0}, {"near", 0.04, 1e-4, 4}, {"shared", 0.02, 0.002, 2}, {"other", 0.42, 0.99, 0}}}
	case Born:
		return field{common: true, levels: []level{
			{"same", 0.85, 5e-5, 0}, {"near", 0.09, 6e-4, 0}, {"part", 0.03, 0.03, 0}, {"other", 0.025, 0.27, 0}, {"apart", 0.005, 0.7, 0}}}
	case Address:
		return field{common: true, levels: []level{
			{"same", 0.50, 1e-4, 0}, {"near", 0.18, 3e-4, 0}, {"similar", 0.07, 0.005, 0}, {"other", 0.25, 0.99, 0}}}
	case Postcode:
		return field{common: true, levels: []level{{"same", 0.78, 0.002, 0}, {"near", 0.07, 0.01, 0}, {"other", 0.15, 0.988, 0}}}
	case City:
		return field{common: true, levels: []level{{"same", 0.72, 0.03, 0}, {"near", 0.08, 0.004, 0}, {"other", 0.20, 0.966, 0}}}
	case State:
		return field{common: true, levels: []level{{"same", 0.85, 0.15, 0}, {"other", 0.15, 0.85, 0}}}
	case Company:
		return field{common: true, levels: []level{{"same", 0.60, 0.004, 0}, {"near", 0.08, 0.002, 0}, {"other", 0.32, 0.994, 0}}}
	case Username:
		return field{levels: []level{{"same", 0.50, 5e-5, 0}, {"near", 0.05, 5e-4, 4}, {"other", 0.45, 0.999, 0}}}
	}
	return field{common: true, levels: []level{{"same", 0.80, 0.003, 0}, {"near", 0.08, 0.003, 0}, {"other", 0.12, 0.994, 0}}}
}

// agreement is the two values in which a field agrees or not, as they were
// written, and the key under which the frequency of the value is counted.
type agreement struct {
	a, b string
	key  string
}

// details are the agreements of all fields.
type details [numFields]agreement

// Frequencies tells how common a value is among the records.
type Frequencies interface {
	// Len is the number of records.
	Len() int
	// Count is how many of them have a value; key is one of Keys' for values.
	Count(key string) int
	// Shared tells that an address or a number is used by different people.
	Shared(key string) bool
}

// comparer compares profiles of one base.
type comparer struct {
	attrs []string // the attributes that are compared
	freq  Frequencies
}

// compare says how two profiles agree; d, if not nil, is filled with the values.
func (c *comparer) compare(a, b *Profile, d *details) (l Levels) {
	nm := compareNames(a.names, b.names)
	l[Given], l[Family] = nm.given, nm.family
	if d != nil && nm.a != nil {
		describeNames(nm, d)
	}
	l[Email] = c.compareEmails(a, b, nm, d)
	l[Phone] = c.comparePhones(a, b, d)
	l[Born] = compareBorn(a.born, b.born, d)
	l[Address] = compareAddresses(a.addresses, b.addresses, d)
	l[Postcode] = compareValues(a.postcodes, b.postcodes, nearCode, Postcode, fieldNames[Postcode], d)
	l[City] = compareValues(a.cities, b.cities, nearText, City, fieldNames[City], d)
	l[State] = min(compareValues(a.states, b.states, never, State, fieldNames[State], d), stateOther)
	l[Company] = compareValues(a.companies, b.companies, nearText, Company, fieldNames[Company], d)
	l[Username] = compareValues(a.usernames, b.usernames, nearUser, Username, fieldNames[Username], d)
	if len(a.attrs) > 0 && len(b.attrs) > 0 {
		for n, k := range c.attrs {
			f := AttrFirst + Field(n)
			l[f] = compareValues(a.attrs[k], b.attrs[k], nearCode, f, k, d)
		}
	}
	return l
}

func describeNames(m nameMatch, d *details) {
	ag, af, bg, bf := m.a.given, m.a.family, m.b.given, m.b.family
	if m.swapped {
		bg, bf = bf, bg
	}
	if m.given != 0 {
		d[Given] = agreement{ag, bg, givenKey(ag)}
	}
	if m.family != 0 {
		d[Family] = agreement{af, bf, familyKey(af)}
	}
}
