package people

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"throughline/identity"
)

// What a column can be, beside the fields of a card.
const (
	ToNothing = ""
	ToID      = "id" // what the other system calls the person
	ToFirst   = "first"
	ToLast    = "last"
	ToEmail   = "email" // several in a cell: parted by ; , or a new line
	ToPhone   = "phone"
)

// Targets are all things that a column can be, custom fields aside.
var Targets = append([]string{ToNothing, ToID, ToFirst, ToLast, ToEmail, ToPhone}, identity.CardFields...)

// headers are the names under which columns are known, in the languages of the
// screens and as the large programs write them when they export.
var headers = map[string][]string{
	ToID:                   {"id", "external id", "customer id", "contact id", "record id", "customer number", "kundennummer", "kunden nr", "numéro client", "número de cliente", "شناسه", "کد مشتری", "شماره مشتری", "รหัส", "รหัสลูกค้า", "เลขที่ลูกค้า"},
	identity.FieldName:     {"name", "full name", "display name", "customer", "customer name", "contact", "contact name", "kunde", "kontakt", "vollständiger name", "nom complet", "client", "nombre completo", "cliente", "نام کامل", "نام و نام خانوادگی", "نام مشتری", "مشتری", "ชื่อเต็ม", "ชื่อนามสกุล", "ชื่อลูกค้า", "ลูกค้า"},
	ToFirst:                {"first name", "given name", "forename", "first", "firstname", "vorname", "rufname", "prénom", "nombre", "nombre de pila", "نام", "نام کوچک", "ชื่อ", "ชื่อจริง"},
	ToLast:                 {"last name", "surname", "family name", "last", "lastname", "nachname", "familienname", "zuname", "nom", "nom de famille", "apellido", "apellidos", "نام خانوادگی", "فامیل", "นามสกุล", "สกุล"},
	ToEmail:                {"email", "e mail", "mail", "email address", "e mail address", "emails", "e mail adresse", "mailadresse", "courriel", "adresse e mail", "adresse mail", "correo", "correo electrónico", "dirección de correo", "mail privat", "e mail privat", "ایمیل", "رایانامه", "پست الکترونیک", "نشانی ایمیل", "อีเมล", "อีเมล์", "ที่อยู่อีเมล"},
	ToPhone:                {"phone", "telephone", "tel", "mobile", "cell", "mobile phone", "phone number", "mobile number", "cell phone", "work phone", "home phone", "business phone", "phones", "whatsapp", "sms", "telefon", "telefonnummer", "rufnummer", "handy", "handynummer", "mobil", "mobiltelefon", "mobilnummer", "téléphone", "portable", "mobile", "numéro de téléphone", "teléfono", "móvil", "celular", "número de teléfono", "تلفن", "شماره تلفن", "موبایل", "تلفن همراه", "شماره موبایل", "همراه", "شماره تماس", "โทรศัพท์", "เบอร์โทร", "เบอร์โทรศัพท์", "มือถือ", "เบอร์มือถือ", "โทร"},
	identity.FieldCompany:  {"company", "organisation", "organization", "company name", "account", "account name", "employer", "firm", "firma", "unternehmen", "firmenname", "arbeitgeber", "société", "entreprise", "empresa", "compañía", "شرکت", "سازمان", "نام شرکت", "บริษัท", "องค์กร", "ชื่อบริษัท", "หน่วยงาน"},
	identity.FieldNote:     {"note", "notes", "comment", "comments", "remarks", "description", "notiz", "notizen", "bemerkung", "bemerkungen", "kommentar", "remarque", "remarques", "commentaire", "nota", "notas", "observaciones", "comentarios", "یادداشت", "توضیحات", "توضیح", "ملاحظات", "บันทึก", "หมายเหตุ", "โน้ต", "รายละเอียด"},
	identity.FieldLanguage: {"language", "preferred language", "locale", "lang", "sprache", "langue", "idioma", "زبان", "ภาษา"},
	identity.FieldTimeZone: {"time zone", "timezone", "zeitzone", "fuseau horaire", "zona horaria", "منطقه زمانی", "เขตเวลา"},
	identity.FieldGoals:    {"goals", "goal", "ziele", "ziel", "objectifs", "objetivos", "هدف", "اهداف", "هدف ها", "เป้าหมาย"},
	identity.FieldInterest: {"interests", "interest", "hobbies", "interessen", "centres d intérêt", "intérêts", "intereses", "علاقه ها", "علایق", "علاقه مندی ها", "ความสนใจ"},
	identity.FieldDos:      {"do", "dos", "do s", "بکنید", "ควรทำ"},
	identity.FieldDonts:    {"dont", "donts", "don t", "don ts", "نکنید", "ไม่ควรทำ"},
	identity.FieldNextStep: {"next step", "next action", "nächster schritt", "prochaine étape", "próximo paso", "گام بعدی", "قدم بعدی", "ขั้นต่อไป", "ขั้นตอนถัดไป"},
	identity.FieldNextDate: {"next date", "next step date", "follow up", "follow up date", "wiedervorlage", "date de relance", "fecha de seguimiento", "تاریخ پیگیری", "วันที่ติดตาม"},
	identity.FieldTags:     {"tags", "tag", "labels", "categories", "groups", "group membership", "schlagworte", "schlagwörter", "gruppe", "gruppen", "étiquettes", "groupe", "etiquetas", "grupo", "برچسب", "برچسب ها", "گروه", "แท็ก", "ป้ายกำกับ", "กลุ่ม"},
}

// telling are the names of columns that hold what a custom field may tell of a
// person, by its Tells: they go into the first field of that kind.
var telling = map[string][]string{
	identity.TellsBorn:     {"date of birth", "birthday", "birth date", "born", "dob", "geburtsdatum", "geburtstag", "geboren", "date de naissance", "né le", "anniversaire", "fecha de nacimiento", "nacimiento", "cumpleaños", "تاریخ تولد", "تولد", "วันเกิด"},
	identity.TellsAddress:  {"address", "street", "street address", "home address", "adresse", "anschrift", "straße", "strasse", "straße und hausnummer", "rue", "dirección", "calle", "domicilio", "نشانی", "آدرس", "ที่อยู่"},
	identity.TellsPostcode: {"postcode", "postal code", "zip", "zip code", "plz", "postleitzahl", "code postal", "código postal", "کد پستی", "کدپستی", "รหัสไปรษณีย์"},
	identity.TellsCity:     {"city", "town", "ort", "stadt", "wohnort", "ville", "ciudad", "población", "localidad", "شهر", "เมือง"},
	identity.TellsState:    {"state", "province", "region", "bundesland", "région", "provincia", "استان", "จังหวัด"},
	identity.TellsUsername: {"username", "user name", "benutzername", "nom d utilisateur", "usuario", "نام کاربری", "ชื่อผู้ใช้"},
}

// plainHeader leaves of a column's name what it is compared by.
func plainHeader(s string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFKC.String(s) {
		switch {
		case r == 'ي':
			r = 'ی'
		case r == 'ك':
			r = 'ک'
		}
		if unicode.IsLetter(r) || unicode.Is(unicode.M, r) {
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(unicode.ToLower(r))
			continue
		}
		space = true // numbers too: "Phone 2" is a phone
	}
	return b.String()
}

// propose guesses from their names what columns are. Values break a tie: a column
// that holds mail addresses is one of email, whatever it is called.
func propose(header []string, samples [][]string, fields []*identity.FieldDef) []string {
	known := map[string]string{}
	for target, names := range headers {
		for _, n := range names {
			known[plainHeader(n)] = target
			known[strings.ReplaceAll(plainHeader(n), " ", "")] = target
		}
	}
	for _, f := range fields {
		if f.Of == identity.OfCustomer && !f.Archived {
			for _, n := range telling[f.Tells] {
				if p := plainHeader(n); known[p] == "" {
					known[p] = identity.CustomFieldName(f.ID)
				}
			}
		}
	}
	for _, f := range fields {
		if f.Of == identity.OfCustomer && !f.Archived {
			known[plainHeader(f.Name)] = identity.CustomFieldName(f.ID)
		}
	}
	out := make([]string, len(header))
	used := map[string]bool{}
	for i, h := range header {
		p := plainHeader(h)
		target, ok := known[p]
		if !ok {
			// "E-mail 1 - Value", "Phone (work)": the first words say what it is.
			if target, ok = known[strings.ReplaceAll(p, " ", "")]; !ok {
				for words := strings.Fields(p); len(words) > 1 && !ok; words = words[:len(words)-1] {
					if t, is := known[strings.Join(words[:len(words)-1], " ")]; is && (t == ToEmail || t == ToPhone) && !strings.HasSuffix(p, "type") && !strings.HasSuffix(p, "label") {
						target, ok = t, true
					}
				}
			}
		}
		if !ok && p != reasonColumn && mostlyMail(samples, i) {
			target = ToEmail
		}
		if target != ToEmail && target != ToPhone && used[target] {
			target = ToNothing
		}
		used[target] = true
		out[i] = target
	}
	return out
}

func mostlyMail(samples [][]string, column int) bool {
	filled, mail := 0, 0
	for _, row := range samples {
		if column >= len(row) || row[column] == "" {
			continue
		}
		filled++
		if at := strings.IndexByte(row[column], '@'); at > 0 && strings.Contains(row[column][at:], ".") && !strings.Contains(row[column], " ") {
			mail++
		}
	}
	return mail > 0 && mail*2 > filled
}
