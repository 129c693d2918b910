// Package ui holds the web app: its source, its tests and the built files in
// dist, which are committed so that building the hub needs no Node. It keeps
// nothing on disk and never talks to the network; package api serves the files.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS returns the built web app with index.html at its root. Files below assets/
// carry a hash of their content in their name and may be cached for ever.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is a directory of this package: fails at build time, not here
	}
	return sub
}
