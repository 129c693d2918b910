package twiliotest

import (
	"fmt"
	"net/http"
)

// apiError is an error answer of the API.
type apiError struct {
	status  int
	code    int
	message string
	header  http.Header
}

func (e *apiError) Error() string { return fmt.Sprintf("%d: %s", e.code, e.message) }

// fail makes an error answer with status 400, which is what almost every refusal of the API is.
func fail(code int, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

func notFound(path string) *apiError {
	return &apiError{status: http.StatusNotFound, code: 20404, message: "The requested resource " + path + " was not found"}
}

func unauthorised() *apiError {
	return &apiError{status: http.StatusUnauthorized, code: 20003, message: "Authenticate",
		header: http.Header{"Www-Authenticate": {`Basic realm="Twilio API"`}}}
}

// body is the JSON the vendor describes for errors.
func (e *apiError) body() map[string]any {
	return map[string]any{"code": e.code, "message": e.message, "status": e.status,
		"more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", e.code)}
}

// deliveryErrors are the codes with which a message that was accepted can fail, and whether the state is then "failed"
// (it never left Twilio) or "undelivered" (the carrier or channel refused it).
var deliveryErrors = map[int]struct{ status, text string }{
	11200: {"failed", "HTTP retrieval failure"},
	11751: {"failed", "Media message: media exceeds size limit"},
	12300: {"failed", "Invalid content type"},
	21610: {"failed", "Recipient has opted out"},
	30001: {"failed", "Queue overflow"},
	30002: {"failed", "Account suspended"},
	30003: {"undelivered", "Unreachable destination handset"},
	30004: {"undelivered", "Message blocked"},
	30005: {"undelivered", "Unknown destination handset"},
	30006: {"undelivered", "Landline or unreachable carrier"},
	30007: {"undelivered", "Carrier violation"},
	30008: {"undelivered", "Unknown error"},
	30019: {"undelivered", "Content size exceeds carrier limit"},
	30034: {"undelivered", "Message from an unregistered number"},
	63016: {"undelivered", "Freeform message outside the allowed window; use a template"},
	63024: {"undelivered", "Invalid message recipient"},
}

func deliveryError(code int) (status, text string) {
	if e, ok := deliveryErrors[code]; ok {
		return e.status, e.text
	}
	return "undelivered", "Unknown error"
}
