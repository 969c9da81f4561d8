"""Many transfers while everything that carries them out is killed at random; see `__main__`."""
