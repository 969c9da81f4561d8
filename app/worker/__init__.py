"""Claims transfers, watches their processes, keeps their leases."""
