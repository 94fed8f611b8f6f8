"""Stands in for the distribution `http-parser`; see `http_parser.http`."""
