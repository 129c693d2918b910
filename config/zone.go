package config

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// MachineZone is the machine's time zone under its own name, where the machine tells
// it (TZ, or where /etc/localtime leads), so that a browser knows it too; else
// time.Local.
func MachineZone() *time.Location {
	names := []string{strings.TrimPrefix(os.Getenv("TZ"), ":")}
	if path, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(path, "zoneinfo/"); ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if name == "" || name == "Local" {
			continue
		}
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	return time.Local
}
