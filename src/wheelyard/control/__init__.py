"""The embedded control plane: one room a service, each with the same four files (wire, operations, service, store)."""
