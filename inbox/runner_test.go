package inbox

import (
	"log/slog"
	"strings"
	"testing"

	"throughline/connectors"
)

// TestLiveIsLoggedOnce follows an account through its phases: the log tells that
// it works, and that it works again, but not of every mail that comes.
func TestLiveIsLoggedOnce(t *testing.T) {
	var log strings.Builder
	r := &runner{account: "support", hub: &Hub{log: slog.New(slog.NewTextHandler(&log, nil))}}
	for _, step := range []struct {
		phase connectors.Phase
		lines int
	}{
		{connectors.Connecting, 0},
		{connectors.CatchingUp, 0},
		{connectors.Live, 1},
		{connectors.CatchingUp, 1},
		{connectors.Live, 1},
		{connectors.Live, 1},
		{connectors.Retrying, 1},
		{connectors.Connecting, 1},
		{connectors.Live, 2},
	} {
		r.setState(connectors.State{Phase: step.phase})
		if got := strings.Count(log.String(), "the account is live"); got != step.lines {
			t.Fatalf("after %s: %d lines, want %d\n%s", step.phase, got, step.lines, &log)
		}
	}
	if !strings.Contains(log.String(), "account=support") {
		t.Errorf("the log does not name the account: %s", &log)
	}
}
