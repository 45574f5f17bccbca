"""The REST service, asked over HTTP on a real port."""
