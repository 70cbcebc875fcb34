"""SCIM 2.0 (RFC 7643, RFC 7644): the directory as identity providers and HR systems keep it."""
