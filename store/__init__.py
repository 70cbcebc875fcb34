"""Adapters of the ports: event stores, records, buses."""
