// Package file makes files that are complete or not there.
package file
