"""One section of docs/results.md per benchmark: `write(data)` turns its figures into Markdown."""
