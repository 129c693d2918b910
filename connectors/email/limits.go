package email

// The limits of reading. Whatever exceeds one is read as far as the limit goes
// and warned about, except MaxSize, which holds the mail.
const (
	// MaxSize is the largest mail that is taken apart, in bytes as sent.
	MaxSize = 64 << 20
	// MaxHeaderBytes is how much of one header block is read.
	MaxHeaderBytes = 1 << 20
	// MaxHeaderFields is how many fields of one header block are read.
	MaxHeaderFields = 4000
	// MaxParts is how many MIME parts of one mail are read.
	MaxParts = 1000
	// MaxDepth is how deep multiparts may nest; what lies deeper is kept as an
	// attachment in its raw form.
	MaxDepth = 100
	// MaxAddresses is how many addresses of one header field are read.
	MaxAddresses = 1000
	// MaxNameRunes is how long a display name, a subject line's share of the
	// screen or a file name may be before it is shortened.
	MaxNameRunes = 200
	// MaxSubjectRunes is how long a subject may be before it is shortened.
	MaxSubjectRunes = 2000
	// MaxAddressBytes is the longest address that is believed (RFC 5321 allows
	// 254; some systems write longer ones).
	MaxAddressBytes = 1000
	// MaxText is how much of a body is kept as text, in bytes after decoding;
	// the whole of a longer one is kept as an attachment.
	MaxText = 1 << 20
	// MaxRefs is how many references are kept, the nearest first.
	MaxRefs = 50
	// MaxRefBytes is the longest Message-ID that is believed.
	MaxRefBytes = 1000
	// MaxWarnings is how many warnings are kept.
	MaxWarnings = 50
	// MaxReports is how many recipients of one bounce are read.
	MaxReports = 1000
	// spillBytes is the encoded size from which an attachment is written to a
	// temporary file instead of being held in memory.
	spillBytes = 256 << 10
	// smallBytes is the size up to which a mail is read into memory whole.
	smallBytes = 512 << 10
)
