package auth

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a caller tells apart. Their texts are for the person who asked:
// they say what to do and never whether an email address is known.
var (
	ErrWrongPassword = errors.New("the email address or the password is wrong: check both, or ask an admin for a new link")
	ErrOldPassword   = errors.New("the old password is wrong: type the one you sign in with now")
	ErrSignedOut     = errors.New("you are signed out: sign in again")
	ErrBadKey        = errors.New("this API key is not valid: make a new one in the settings")
	ErrExpiredLink   = errors.New("this link has been used or has expired: ask an admin for a new one")
	ErrSetupDone     = errors.New("the hub is already set up: sign in, or ask an admin for an invitation")
	ErrDisabled      = errors.New("this agent is disabled: ask an admin to enable it")
	ErrLastAdmin     = errors.New("this is the last active admin: make somebody else an admin first")
	ErrEmailTaken    = errors.New("there is already an agent with this email address: change that one, or use another address")
	ErrNotFound      = errors.New("there is no such agent, session or key: reload the list")
	ErrTooManyKeys   = fmt.Errorf("an agent can have at most %d API keys: delete one that is no longer used", MaxKeys)
	ErrBusy          = errors.New("too many people are signing in at this moment: try again in a few seconds")
)

// WeakPasswordError says why a password is refused.
type WeakPasswordError struct{ Reason string }

func (e *WeakPasswordError) Error() string {
	return "this password cannot be used: " + e.Reason
}

// RateLimitedError says how long to wait before the next attempt to sign in.
type RateLimitedError struct{ RetryAfter time.Duration }

func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("too many failed attempts to sign in: wait %s and try again", e.RetryAfter.Round(time.Second))
}

// FieldError is a value that cannot be stored: Field is its JSON name.
type FieldError struct{ Field, Reason string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }
