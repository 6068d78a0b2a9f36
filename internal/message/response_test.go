package message

var responseCases = []struct{ name, method, sent string }{
	{"x", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
	{"x", "GET", "HTTP/1.1 200 OK\nX: a\n b\n\tc\nContent-Length: 5\n\nhelloHTTP/1.1"},
	{"x", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nA: b\r\nContent-Length: 3\r\n\r\n"},
	{"x", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello"},
	{"x", "HEAD", "HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n"},
}
