package people

import (
	"strings"
	"testing"

	"throughline/identity"
	"throughline/store"
)

// TestProposeInLanguages: the names that lists of people have in German, French,
// Spanish and Persian are known, and what a custom field is there for.
func TestProposeInLanguages(t *testing.T) {
	var fields []*identity.FieldDef
	for n, tells := range []string{identity.TellsBorn, identity.TellsPostcode, identity.TellsCity, identity.TellsAddress} {
		fields = append(fields, &identity.FieldDef{ID: uint64(n + 1), Name: "Field of " + tells, Kind: identity.KindText, Of: identity.OfCustomer, Tells: tells})
	}
	born, postcode, city, address := identity.CustomFieldName(1), identity.CustomFieldName(2), identity.CustomFieldName(3), identity.CustomFieldName(4)
	want := []string{ToFirst, ToLast, ToEmail, ToPhone, born, identity.FieldCompany, address, postcode, city}
	for _, header := range [][]string{
		{"Vorname", "Nachname", "E-Mail", "Telefon", "Geburtsdatum", "Firma", "Straße", "PLZ", "Ort"},
		{"VORNAME", "Familienname", "E-Mail-Adresse", "Handy (privat)", "Geburtstag", "Unternehmen", "Anschrift", "Postleitzahl", "Wohnort"},
		{"Prénom", "Nom", "Courriel", "Téléphone portable", "Date de naissance", "Société", "Adresse", "Code postal", "Ville"},
		{"Nombre", "Apellidos", "Correo electrónico", "Móvil", "Fecha de nacimiento", "Empresa", "Dirección", "Código postal", "Ciudad"},
		{"نام", "نام خانوادگی", "ایمیل", "تلفن همراه", "تاریخ تولد", "شرکت", "آدرس", "کد پستی", "شهر"},
		{"First name", "Surname", "Mail", "Mobile", "Date of birth", "Company", "Street", "ZIP", "City"},
	} {
		for i, got := range propose(header, nil, fields) {
			if got != want[i] {
				t.Errorf("%s is %q, want %q", header[i], got, want[i])
			}
		}
	}
	for i, got := range propose([]string{"PLZ", "Ort"}, nil, nil) {
		if got != ToNothing {
			t.Errorf("column %d is %q where no field is there for it", i, got)
		}
	}
}

// TestCardsOfOtherPrograms: what a card tells besides comes into the custom fields that
// are there for it, in each version.
func TestCardsOfOtherPrograms(t *testing.T) {
	w := newWorld(t)
	ids := map[string]string{}
	for _, d := range []identity.FieldDef{{Name: "Born", Kind: identity.KindDate, Tells: identity.TellsBorn}, {Name: "Postcode", Kind: identity.KindText, Tells: identity.TellsPostcode},
		{Name: "City", Kind: identity.KindText, Tells: identity.TellsCity}} {
		d.Of = identity.OfCustomer
		_, err := w.hub.PutField(t.Context(), 1, 0, func(f *identity.FieldDef) { *f = d })
		must(t, err)
	}
	w.view(func(tx *store.Tx) error {
		defs, err := w.hub.Identity.FieldDefs(tx)
		for _, d := range defs {
			ids[d.Name] = identity.CustomFieldName(d.ID)
		}
		return err
	})
	w.bring("cards.vcf", "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg\r\nEMAIL;INTERNET;PREF:joerg@example.org\r\n"+
		"ADR;HOME;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:;;Am Flu=DF 1;K=F6ln;;50667;Germany\r\nBDAY:19700131\r\nEND:VCARD\r\n"+
		"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Zo\u00eb Martin\r\nN:Martin;Zo\u00eb;;;\r\nEMAIL;TYPE=INTERNET:zoe@example.org\r\nitem1.ADR;TYPE=HOME:;;2 rue du Lac;Lyon;;69001;France\r\nBDAY;VALUE=date:1985-05-06\r\nX-SOMETHING:else\r\nEND:VCARD\r\n"+
		"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bo Berg\r\nEMAIL:bo@example.org\r\nBDAY:--0506\r\nX-THROUGHLINE-FIELD:[\"Nobody has this\"\\,\"x\"]\r\nX-THROUGHLINE-GOALS:to cycle\\nmore\r\nEND:VCARD\r\n", Change{})
	for address, want := range map[string][4]string{
		"joerg@example.org": {"J\u00f6rg M\u00fcller", "1970-01-31", "50667", "K\u00f6ln"},
		"zoe@example.org":   {"Zo\u00eb Martin", "1985-05-06", "69001", "Lyon"},
		"bo@example.org":    {"Bo Berg", "", "", ""},
	} {
		c := w.customer(address)
		if got := [4]string{c.Name, c.Field(ids["Born"]), c.Field(ids["Postcode"]), c.Field(ids["City"])}; got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if c := w.customer("bo@example.org"); c.Goals != "to cycle\nmore" {
		t.Errorf("goals: %q", c.Goals)
	}
}

// TestCardsOfOldPrograms: what is not UTF-8 is read as it says it is written, else as
// the file seems to be, and what nobody can read is an error of that card.
func TestCardsOfOldPrograms(t *testing.T) {
	card := func(lines ...string) string {
		return "BEGIN:VCARD\r\nVERSION:2.1\r\n" + strings.Join(lines, "\r\n") + "\r\nEMAIL;INTERNET:who@example.org\r\nEND:VCARD\r\n"
	}
	for name, tt := range map[string]struct{ card, want string }{
		"says Latin 1":          {card("FN;CHARSET=ISO-8859-1:J\xfcrgen M\xfcller"), "Jürgen Müller"},
		"says a Cyrillic one":   {card("FN;CHARSET=koi8-r:\xe1\xce\xce\xc1"), "Анна"},
		"says Shift JIS":        {card("FN;CHARSET=SHIFT_JIS:\x83\x5c\x83\x6a\x81\x5b"), "ソニー"},
		"says nothing, Western": {card("FN:J\xfcrgen M\xfcller"), "Jürgen Müller"},
		"says nothing, Thai":    {card("FN:\xca\xc1\xaa\xd2\xc2 \xa1\xd2\xc3\xb4\xd5"), "สมชาย การดี"},
		"quoted, says nothing":  {card("FN;ENCODING=QUOTED-PRINTABLE:J=FCrgen M=FCller"), "Jürgen Müller"},
		"says UTF-8, is not":    {card("FN;CHARSET=UTF-8:J\xfcrgen M\xfcller"), "Jürgen Müller"},
		"folded in a character": {card("FN:J\xc3\r\n \xbcrgen M\xc3\xbcller"), "Jürgen Müller"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			i := w.bring("a.vcf", tt.card, Change{})
			if i.Counts != (ImportCounts{New: 1}) {
				t.Fatalf("%+v", i.Counts)
			}
			if got := w.customer("who@example.org").Name; got != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
	w := newWorld(t)
	i, err := w.Add(t.Context(), 1, "a.vcf", strings.NewReader(card("FN;CHARSET=x-home-made:\x80\x81")+card("FN:Ann")))
	must(t, err)
	must(t, w.Check(t.Context(), i.ID))
	if i = w.settled(i.ID); i.Counts != (ImportCounts{New: 1, Bad: 1}) {
		t.Errorf("%+v", i.Counts)
	}
}
