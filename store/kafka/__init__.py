"""Batches from collectors to workers through Kafka."""
