"""HTTP on the wire: sockets, requests read, answers sent."""
