module github.com/go-requests/requests/auth/ntlm

go 1.26.0

replace github.com/go-requests/requests => ../../

require (
	github.com/Azure/go-ntlmssp v0.1.1
	github.com/go-requests/requests v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
)

require (
	github.com/andybalholm/brotli v1.2.8 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
