"""The rules of single values in a pool file: what each may say, and what HAProxy is told. Pure."""
