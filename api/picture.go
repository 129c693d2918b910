package api

import (
	"net/url"

	"throughline/identity"
)

// pictureURL is where the picture of a handle's user is, "" if there is none. The
// content never changes under one address.
func pictureURL(h *identity.Handle) string {
	if h.Picture == nil || h.Picture.Blob == "" {
		return ""
	}
	return "/api/blobs/" + h.Picture.Blob + "/picture?inline=1&type=" + url.QueryEscape(h.Picture.Type)
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
