"""`babelport demo`: a real model moves to another language, over HTTP, before your eyes."""
