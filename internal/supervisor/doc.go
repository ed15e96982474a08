// Package supervisor drives the machine: its one goroutine asks for permits, spends
// them on probes, and publishes an immutable [Snapshot] for all readers.
package supervisor
