"""Evidence that stands up without us: the ledger proved, alerts frozen, bundles packed and verified."""
