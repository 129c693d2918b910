package demo

import (
	"context"
	"fmt"

	"throughline/documents"
	"throughline/identity"
)

// bakery is a company with papers of its own, beside those of who works there.
const (
	bakery     = "Olsen & Daughters Bakery"
	bakersMail = "margit.olsen@example.org"
)

var bakeryPapers = []paper{
	{title: "Frame contract for delivery bicycles", kind: "contract", file: "frame-contract.pdf", expires: 300, tags: []string{"workshop"},
		lines: []string{"Frame contract", "Between Larkspur Cycles and Olsen & Daughters Bakery.", "Four delivery bicycles, repaired within two working days."}},
	{title: "Insurance certificate", kind: "certificate", file: "insurance.pdf", expires: 70, lines: []string{"Certificate of insurance", "Four delivery bicycles, theft and damage."}},
}

// fileCompany makes the company of a customer who is there, with its papers.
func (w *World) fileCompany(ctx context.Context, owners map[string]uint64) error {
	customer := owners[bakersMail]
	if customer == 0 {
		return nil
	}
	by := w.agents[0]
	c, err := w.hub.PutCompany(ctx, by, 0, 0, func(c *identity.Company) { c.Name = bakery })
	if err != nil {
		return fmt.Errorf("make the company %s: %w", bakery, err)
	}
	if err := w.hub.Join(ctx, by, customer, c.ID, "Owner"); err != nil {
		return fmt.Errorf("%s belongs to %s: %w", bakersMail, bakery, err)
	}
	for _, p := range bakeryPapers {
		if err := w.fileOne(ctx, by, documents.Place{Company: c.ID}, p); err != nil {
			return fmt.Errorf("put %s into the documents: %w", p.file, err)
		}
	}
	return nil
}
