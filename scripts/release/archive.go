package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// file is one of an archive: its name there, where it lies, and who may run it.
type file struct {
	name, path string
	mode       fs.FileMode
}

// writeTar writes the files into one folder of a tar.gz. No user, no time but the
// given one and no name of ours gets into it.
func writeTar(to, folder string, files []file, at time.Time) error {
	return create(to, func(out io.Writer) error {
		packed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
		if err != nil {
			return err
		}
		archive := tar.NewWriter(packed)
		for _, f := range files {
			text, err := os.ReadFile(f.path)
			if err != nil {
				return err
			}
			header := &tar.Header{Name: folder + "/" + f.name, Mode: int64(f.mode), Size: int64(len(text)), ModTime: at, Format: tar.FormatUSTAR}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if _, err := archive.Write(text); err != nil {
				return err
			}
		}
		return errors.Join(archive.Close(), packed.Close())
	})
}

// writeZip is writeTar for those who have no tar.
func writeZip(to, folder string, files []file, at time.Time) error {
	return create(to, func(out io.Writer) error {
		archive := zip.NewWriter(out)
		for _, f := range files {
			text, err := os.ReadFile(f.path)
			if err != nil {
				return err
			}
			header := &zip.FileHeader{Name: folder + "/" + f.name, Method: zip.Deflate, Modified: at}
			header.SetMode(f.mode)
			entry, err := archive.CreateHeader(header)
			if err != nil {
				return err
			}
			if _, err := entry.Write(text); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}

// create writes a file to its end or reports why not.
func create(path string, write func(io.Writer) error) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(out), out.Close())
}
