package safehtml

import (
	"regexp"
	"strings"
)

// styles are the properties that an element may set for itself. Nothing here
// moves an element over others or loads anything.
var styles = []string{
	"background", "background-color",
	"border", "border-bottom", "border-bottom-color", "border-bottom-style", "border-bottom-width",
	"border-collapse", "border-color", "border-left", "border-left-color", "border-left-style", "border-left-width",
	"border-radius", "border-right", "border-right-color", "border-right-style", "border-right-width",
	"border-spacing", "border-style", "border-top", "border-top-color", "border-top-style", "border-top-width",
	"border-width", "border-inline-start", "border-inline-end",
	"caption-side", "clear", "color", "direction", "display", "empty-cells", "float",
	"font", "font-family", "font-size", "font-style", "font-variant", "font-weight",
	"height", "letter-spacing", "line-height", "list-style", "list-style-type",
	"margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "margin-inline-start", "margin-inline-end",
	"max-height", "max-width", "min-height", "min-width",
	"overflow-wrap", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top",
	"padding-inline-start", "padding-inline-end",
	"table-layout", "text-align", "text-decoration", "text-indent", "text-transform",
	"unicode-bidi", "vertical-align", "white-space", "width", "word-break", "word-spacing", "word-wrap",
}

// plainValue leaves out backslashes (escapes), comments and anything that could
// end the declaration or the attribute.
var plainValue = regexp.MustCompile(`^[\pL\pN\s#%.,()'"!+_-]+$`)

// safeValue reports whether the value of a style property is only measures,
// colours, names and the calls that make colours.
func safeValue(value string) bool {
	if !plainValue.MatchString(value) {
		return false
	}
	rest := strings.ToLower(value)
	for {
		i := strings.IndexByte(rest, '(')
		if i < 0 {
			return true
		}
		if name := rest[:i]; !colorCall.MatchString(name) {
			return false
		}
		rest = rest[i+1:]
	}
}

// colorCall ends in the name of a CSS function without side effects.
var colorCall = regexp.MustCompile(`(^|[\s,])(rgb|rgba|hsl|hsla|calc)$`)
