"""The methods of transfer: one package each, `spec.py` (light) and `run.py` (torch)."""
