package auth

import "context"

// HashSecret returns an argon2id hash of a secret that is no agent's password (that
// of a shared document), to be kept in its place. It shares the bounded number of
// hashes at a time with passwords: ErrBusy when too many wait.
func (a *Auth) HashSecret(ctx context.Context, secret string) (string, error) {
	if len(secret) > MaxPassword {
		return "", &FieldError{"password", "this is too long"}
	}
	return a.hasher.hash(ctx, secret)
}

// CheckSecret tells whether a secret is the one that HashSecret was given.
func (a *Auth) CheckSecret(ctx context.Context, hash, secret string) (bool, error) {
	if len(secret) > MaxPassword {
		return false, nil
	}
	ok, _, err := a.hasher.verify(ctx, hash, secret)
	return ok, err
}
