"""Configuration, wiring, the pipeline loop, jobs, the command line."""

import os

# Polars' allocator keeps freed memory for later, as much again as is in use; read once, when polars is imported.
os.environ.setdefault("_RJEM_MALLOC_CONF", "background_thread:true,dirty_decay_ms:100,muzzy_decay_ms:0")
