package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are this server's figures for Prometheus. What the hub counts itself
// is read when it is asked for.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "throughline_http_request_seconds", Help: "Time to answer requests.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation", "status"}),
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &hubCollector{s})
	return m
}

// observe counts a request under the pattern it matched: never its own path,
// which would make a series for each ID.
func (m *metrics) observe(r *http.Request, status int, took time.Duration) {
	op := r.Pattern
	if op == "" {
		op = "none"
	}
	if status == 0 {
		status = http.StatusOK
	}
	m.requests.WithLabelValues(op, string('0'+rune(status/100))+"xx").Observe(took.Seconds())
}

func (s *Server) metricsHandler() http.Handler {
	h := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !s.o.Metrics.Public && !sameToken(token, s.o.Metrics.Token) {
			writeProblem(w, &problemError{status: http.StatusForbidden, detail: "the metrics are closed: open them with metrics.public or metrics.token in the configuration"})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// hubCollector reads the figures of the hub.
type hubCollector struct{ s *Server }

var (
	descItems     = prometheus.NewDesc("throughline_items_total", "Items taken in, by what became of them.", []string{"account", "outcome"}, nil)
	descHeld      = prometheus.NewDesc("throughline_held_items", "Items held back now.", []string{"account"}, nil)
	descOutbox    = prometheus.NewDesc("throughline_outbox_messages", "Messages waiting to go out.", []string{"account"}, nil)
	descPhase     = prometheus.NewDesc("throughline_account_phase", "1 for the phase of the account's connection.", []string{"account", "phase"}, nil)
	descLag       = prometheus.NewDesc("throughline_account_lag_items", "Items known to wait at the provider.", []string{"account"}, nil)
	descLast      = prometheus.NewDesc("throughline_account_last_success_seconds", "Unix time of the last success.", []string{"account"}, nil)
	descSockets   = prometheus.NewDesc("throughline_live_connections", "Open live streams.", nil, nil)
	descSeq       = prometheus.NewDesc("throughline_events_total", "Events in the log.", nil, nil)
	descBehind    = prometheus.NewDesc("throughline_follower_behind_events", "Events of the log that a follower has yet to look at.", []string{"follower"}, nil)
	descFile      = prometheus.NewDesc("throughline_store_file_bytes", "Size of the store's file.", nil, nil)
	descUsed      = prometheus.NewDesc("throughline_store_used_bytes", "Used part of the store's file.", nil, nil)
	descUpdates   = prometheus.NewDesc("throughline_store_updates_total", "Updates answered.", nil, nil)
	descFailed    = prometheus.NewDesc("throughline_store_update_errors_total", "Updates answered with an error.", nil, nil)
	descCommits   = prometheus.NewDesc("throughline_store_commits_total", "Commits, each of a group of updates.", nil, nil)
	descCommitSec = prometheus.NewDesc("throughline_store_commit_seconds_total", "Time spent committing.", nil, nil)
)

func (c *hubCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descItems, descHeld, descOutbox, descPhase, descLag, descLast, descSockets, descSeq, descBehind, descFile, descUsed, descUpdates, descFailed, descCommits, descCommitSec} {
		ch <- d
	}
}

func (c *hubCollector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descSockets, float64(c.s.lives.count()))
	st := c.s.hub.Store.Stats()
	gauge(descFile, float64(st.FileSize))
	gauge(descUsed, float64(st.UsedSize))
	counter(descUpdates, float64(st.Updates))
	counter(descFailed, float64(st.UpdateErrors))
	counter(descCommits, float64(st.Commits))
	counter(descCommitSec, st.CommitTime.Seconds())
	if err := c.s.view(func(v *view) error {
		list, err := c.s.hub.Accounts.ListTx(v.tx)
		if err != nil {
			return err
		}
		counter(descSeq, float64(v.seq()))
		for follower, n := range c.s.hub.Behind(v.tx) {
			gauge(descBehind, float64(n), follower)
		}
		for _, a := range list {
			h := v.health(a.ID)
			counter(descItems, float64(h.Stored), a.ID, "stored")
			counter(descItems, float64(h.Duplicate), a.ID, "duplicate")
			gauge(descHeld, float64(h.Held), a.ID)
			gauge(descOutbox, float64(h.Queued), a.ID)
			gauge(descPhase, 1, a.ID, string(h.State.Phase))
			gauge(descLag, float64(h.State.Lag), a.ID)
			if !h.Last.IsZero() {
				gauge(descLast, float64(h.Last.Unix()), a.ID)
			}
		}
		return nil
	}); err != nil {
		c.s.log.Error("metrics: reading the hub", "error", err)
	}
}
