"""The peers: what runs in their own environments, and with which settings they are tried."""
