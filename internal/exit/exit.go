// Package exit holds the exit codes, and the error that carries one out of a
// command.
package exit

import (
	"errors"
	"syscall"
)

// Code is what the process ends with.
type Code = int

// The codes. 78 says lockout, never anything else: platforms and scripts branch on
// it. run passes its child's code through beside them.
const (
	OK            Code = 0
	Failure       Code = 1
	Usage         Code = 2
	Lockout       Code = 78
	NotExecutable Code = 126 // as shells have it
	Missing       Code = 127
)

// Error is an error with its exit code, its one line for people, and what they can
// do about it. An empty message prints nothing: a report said it already.
type Error struct {
	Code    Code
	Message string
	Hint    string
}

func (e *Error) Error() string { return e.Message }

// Fail returns an error that ends the command with a code.
func Fail(code Code, message, hint string) error { return &Error{code, message, hint} }

// Told is the end that a signal asked for, with the shell's exit code for it. As the
// cause of a context it says how a command that is cut short ends.
func Told(s syscall.Signal) error { return Fail(128+int(s), "told to end: "+s.String(), "") }

// With is a code whose reason has been printed already; nil for OK.
func With(code Code) error {
	if code == OK {
		return nil
	}
	return &Error{Code: code}
}

// From gives every error an exit code; a plain one is a general failure.
func From(err error) *Error {
	if err == nil {
		return &Error{Code: OK}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: Failure, Message: err.Error()}
}
