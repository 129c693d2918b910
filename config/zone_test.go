package config

import "testing"

func TestMachineZone(t *testing.T) {
	for tz, want := range map[string]string{"Asia/Tehran": "Asia/Tehran", ":Europe/London": "Europe/London"} {
		t.Setenv("TZ", tz)
		if got := MachineZone().String(); got != want {
			t.Errorf("TZ=%s is %s, want %s", tz, got, want)
		}
	}
	t.Setenv("TZ", "Nowhere/Atall")
	if MachineZone() == nil {
		t.Error("a zone that there is not gives none")
	}
}
