package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"throughline/identity/match"
)

// identityMatch is throughline identity match: which entries of a list are the same
// person, for cleaning it before it is taken in.
func identityMatch(_ context.Context, c *command, args []string) error {
	if len(args) == 0 || args[0] != "match" {
		return &usageError{"say what to do: match"}
	}
	fs := c.flags()
	asJSON := fs.Bool("json", false, "print one JSON object a line for each person: cluster, ids, evidence")
	country := fs.String("country", "", "`country` of phone numbers without a country code, like GB")
	least := fs.Float64("confidence", match.DefaultThreshold, "from which `confidence` on two entries are put together, 0.5 to 1")
	truth := fs.String("truth", "", "CSV `file` of id,cluster: say how well the result agrees with it")
	if err := c.parse(fs, args[1:]); err != nil {
		return err
	}
	name, err := oneArg("one file, or - for standard input", fs.Args())
	if err != nil {
		return err
	}
	if *least < 0.5 || *least >= 1 {
		return &usageError{"-confidence is a number from 0.5 to below 1"}
	}
	f, err := openOrStdin(name)
	if err != nil {
		return err
	}
	defer f.Close()
	records, ignored, err := readRecords(f)
	if err != nil {
		return fmt.Errorf("%s:\n%w", name, err)
	}
	if len(ignored) > 0 {
		fmt.Fprintf(os.Stderr, "not compared: %s (name a column other.NAME to compare it)\n", strings.Join(ignored, ", "))
	}
	r := match.Find(records, match.Options{Country: strings.ToUpper(*country), Threshold: *least})
	out := bufio.NewWriter(os.Stdout)
	if *asJSON {
		err = writeClusters(out, records, r)
	} else {
		describeClusters(out, records, r)
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if *truth == "" {
		return nil
	}
	return compareWithTruth(os.Stderr, *truth, records, r)
}

func openOrStdin(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(name)
}

// clusterJSON is one line of -json.
type clusterJSON struct {
	Cluster  int        `json:"cluster"`
	IDs      []string   `json:"ids"`
	Evidence []joinJSON `json:"evidence"`
}

// joinJSON is a pair that brought records of a cluster together.
type joinJSON struct {
	A          string     `json:"a"`
	B          string     `json:"b"`
	Confidence float64    `json:"confidence"`
	Facts      []factJSON `json:"facts"`
}

type factJSON struct {
	match.Evidence
	Text string `json:"text"`
}

func writeClusters(w io.Writer, records []match.Record, r *match.Result) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for n, c := range r.Clusters {
		line := clusterJSON{Cluster: n + 1, Evidence: []joinJSON{}}
		for _, i := range c.Records {
			line.IDs = append(line.IDs, records[i].ID)
		}
		for _, j := range c.Joins {
			join := joinJSON{A: records[j.A].ID, B: records[j.B].ID, Confidence: j.Confidence}
			for _, f := range j.Evidence {
				join.Facts = append(join.Facts, factJSON{f, f.Text()})
			}
			line.Evidence = append(line.Evidence, join)
		}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func describeClusters(w io.Writer, records []match.Record, r *match.Result) {
	several := 0
	for _, c := range r.Clusters {
		if len(c.Records) < 2 {
			continue
		}
		several++
		fmt.Fprintf(w, "%d entries are one person:\n", len(c.Records))
		for _, i := range c.Records {
			fmt.Fprintf(w, "  %s  %s\n", records[i].ID, inShort(&records[i]))
		}
		for _, j := range c.Joins {
			fmt.Fprintf(w, "  %s and %s, confidence %.1f %%:\n", records[j.A].ID, records[j.B].ID, 100*j.Confidence)
			for _, f := range j.Evidence {
				fmt.Fprintf(w, "    %+6.1f  %s\n", f.Weight, f.Text())
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d entries are %d people; %d of them are there more than once.\n", len(records), len(r.Clusters), several)
	fmt.Fprintf(w, "%d pairs were compared: %s.\n", r.Compared, r.Blocking)
}

// inShort is a record in one line.
func inShort(r *match.Record) string {
	var parts []string
	for _, list := range [][]string{r.First, r.Last, r.Names, r.Companies, r.Emails, r.Phones, r.Born, r.Addresses, r.Postcodes, r.Cities} {
		parts = append(parts, strings.Join(list, " "))
	}
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// compareWithTruth tells how many pairs of the result are right, and how many of
// the right ones it has.
func compareWithTruth(w io.Writer, name string, records []match.Record, r *match.Result) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", name, csvError(err))
	}
	person := map[string]string{}
	for n, row := range rows {
		if len(row) != 2 {
			return fmt.Errorf("%s: line %d has %d columns: id and cluster are wanted", name, n+1, len(row))
		}
		person[row[0]] = row[1]
	}
	size := map[string]int{}
	for _, r := range records {
		p, ok := person[r.ID]
		if !ok {
			return fmt.Errorf("%s says nothing of %s", name, r.ID)
		}
		size[p]++
	}
	right, made, all := 0, 0, 0
	for _, n := range size {
		all += n * (n - 1) / 2
	}
	for _, c := range r.Clusters {
		for i, a := range c.Records {
			for _, b := range c.Records[:i] {
				made++
				if person[records[a].ID] == person[records[b].ID] {
					right++
				}
			}
		}
	}
	ratio := func(a, b int) float64 { return float64(a) / float64(max(1, b)) }
	fmt.Fprintf(w, "pairs: %d right of %d made, %d to be found\nprecision %.4f  recall %.4f  F1 %.4f\n",
		right, made, all, ratio(right, made), ratio(right, all), ratio(2*right, made+all))
	return nil
}
