package main

import "errors"

// Exit codes (contract 1; seed 8). 78 says lockout, never anything else.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitLockout = 78
)

// failure is an error with its exit code, its one line for people, and what they
// can do about it. An empty message prints nothing: the report said it already.
type failure struct {
	code    int
	message string
	hint    string
}

func (f *failure) Error() string { return f.message }

// asFailure gives every error an exit code; a plain one is a general failure.
func asFailure(err error) *failure {
	if err == nil {
		return &failure{code: exitOK}
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{code: exitFailure, message: err.Error()}
}

// exitWith is an exit code whose reason has been printed already.
func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return &failure{code: code}
}
