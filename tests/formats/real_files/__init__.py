"""Files as people have them: each is built by code, read for real, and told in the documents.

A row is a `RealFile` in `text_files.py`, `image_files.py`, `model_files.py` or
`directory_files.py`. After a change run
`python -m tests.formats.real_files.documentation`, which writes the tables in `docs` anew.
"""
