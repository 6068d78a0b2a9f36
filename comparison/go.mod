module github.com/go-requests/requests/comparison

go 1.26.0

replace github.com/go-requests/requests => ../

require (
	github.com/andybalholm/brotli v1.2.8
	github.com/carlmjohnson/requests v0.23.5
	github.com/go-requests/requests v0.0.0-00010101000000-000000000000
	github.com/go-resty/resty/v2 v2.17.2
	github.com/imroc/req/v3 v3.57.0
	github.com/klauspost/compress v1.20.3
	resty.dev/v3 v3.0.0-rc.4
)

require (
	github.com/google/go-querystring v1.1.0 // indirect
	github.com/icholy/digest v1.1.0 // indirect
	github.com/quic-go/qpack v0.6.0 // indirect
	github.com/quic-go/quic-go v0.57.1 // indirect
	github.com/refraction-networking/utls v1.8.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
