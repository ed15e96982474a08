#!/bin/sh
# Starts a program that logs in, and starts it again after a failure, only when the
# sidecar allows it:  sidecar run -- sh worker.sh psql -f nightly.sql
# Needs curl, and SIDECAR_URL in the environment.
set -u
holds=${HOLDS:-60} # seconds for which the last answer holds while the sidecar is away
rest=${REST:-20}   # seconds after a failure: ten failed logins in 150 s are a lockout
ready=no heard=0

may_open() {
	now=$(date +%s)
	case $(curl -s -o /dev/null -m 2 -w '%{http_code}' "$SIDECAR_URL/readyz") in
	200) ready=yes heard=$now ;;
	503) ready=no heard=$now ;; # an answer: no retry
	esac
	[ $ready = yes ] && [ $((now - heard)) -lt "$holds" ]
}

while :; do
	until may_open; do sleep 2; done
	"$@"
	code=$?
	case $code in 0 | 78) exit $code ;; esac # 78: a lockout, for sidecar run
	sleep "$rest"
done
