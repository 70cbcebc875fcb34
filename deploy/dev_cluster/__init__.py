"""PostgreSQL and Elasticsearch on this machine from packages, without containers, for tests and for trying things out.

Everything listens on 127.0.0.1 only, without TLS or passwords: never for real data.
"""
