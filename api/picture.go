package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"

	"throughline/identity"
	"throughline/inbox"
	"throughline/store"
	"throughline/timeline"
)

// pictureURL is where the picture of a handle's user is, "" if there is none. The
// content never changes under one address.
func pictureURL(h *identity.Handle) string {
	if h.Picture == nil {
		return ""
	}
	return pictureAt(h.Picture.Blob, h.Picture.Type)
}

func pictureAt(blob, kind string) string {
	if blob == "" {
		return ""
	}
	return "/api/blobs/" + blob + "/picture?inline=1&type=" + url.QueryEscape(kind)
}

// PictureChange is a picture that has come, in the data of an entry customer.changed
// under "picture".
type PictureChange struct {
	Handle string `json:"handle"`
	URL    string `json:"url"`
	Was    string `json:"was,omitempty"`
}

// changedData is the data of an event CustomerChanged; of a picture it names the
// addresses, so that a screen can exchange one for the other.
func (v *view) changedData(e *timeline.Event) (json.RawMessage, error) {
	var d struct {
		Picture *inbox.PictureNews `json:"picture"`
	}
	if !bytes.Contains(e.Data, []byte(`"picture"`)) || json.Unmarshal(e.Data, &d) != nil || d.Picture == nil || len(e.Subjects) != 1 {
		return e.Data, nil
	}
	of, err := v.s.hub.Identity.Handle(v.tx, e.Subjects[0])
	if errors.Is(err, store.ErrNotFound) { // erased since
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]PictureChange{"picture": {
		Handle: string(of.Handle), URL: pictureAt(d.Picture.Blob, d.Picture.Type), Was: pictureAt(d.Picture.Was, d.Picture.WasType)}})
}

// firstPicture is that of the first handle which has one.
func firstPicture(list []*identity.Handle) string {
	for _, h := range list {
		if at := pictureURL(h); at != "" {
			return at
		}
	}
	return ""
}
