"""Claims jobs, supervises their processes, keeps their leases."""
