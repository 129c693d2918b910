package accounts

import (
	"fmt"

	"throughline/store"
)

// checkKey compares the key with the one that sealed what is stored. A store
// without sealed secrets takes any key.
func (a *Accounts) checkKey(tx *store.Tx, forget bool) error {
	was := string(tx.GetValue(valuesBucket, keyIDValue))
	if was == a.key.ID() {
		return nil
	}
	if was != "" {
		sealed := false
		for range tx.Values(savedBucket) {
			sealed = true
		}
		for r, err := range a.all(tx) {
			if err != nil {
				return err
			}
			sealed = sealed || len(r.Sealed) > 0
		}
		if sealed && forget {
			if err := a.forget(tx); err != nil {
				return err
			}
		} else if sealed {
			return &KeyError{Path: a.key.k.path, Have: a.key.ID(), Want: was}
		}
	}
	return tx.PutValue(valuesBucket, keyIDValue, []byte(a.key.ID()))
}

// forget drops all sealed values.
func (a *Accounts) forget(tx *store.Tx) error {
	var records []*record
	for r, err := range a.all(tx) {
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	for _, r := range records {
		id, _ := a.table.Lookup(tx, indexID, store.K().Str(r.Account))
		r.Sealed = nil
		r.Revision++
		if err := a.table.Put(tx, id, r); err != nil {
			return err
		}
	}
	var saved []string
	for key := range tx.Values(savedBucket) {
		saved = append(saved, key)
	}
	for _, key := range saved {
		if err := tx.PutValue(savedBucket, key, nil); err != nil {
			return err
		}
	}
	return nil
}

// KeyError tells that the stored secrets were sealed with another key.
type KeyError struct {
	Path       string // of the key file
	Have, Want string // IDs of keys
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("accounts: the key file does not match: %s holds key %s, the secrets in the data folder need key %s; restore %s from the copy you kept, or start once with -forget-secrets and type the passwords in again",
		e.Path, e.Have, e.Want, e.Path)
}
