module github.com/go-requests/requests

go 1.26
