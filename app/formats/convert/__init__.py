"""Making accepted model files out of ones that run code; never called by the service."""
