// Package transport owns connections: it dials them, puts TLS over them, leads
// them through proxies, keeps them while they are idle, and carries HTTP on
// them within limits of time. It takes a message and gives a message.
package transport
