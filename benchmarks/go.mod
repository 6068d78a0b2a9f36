module github.com/go-requests/requests/benchmarks

go 1.26.0

require github.com/go-requests/requests v0.0.0

replace github.com/go-requests/requests => ../
