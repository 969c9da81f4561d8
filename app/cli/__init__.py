"""The `babelport` command."""
