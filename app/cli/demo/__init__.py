"""`babelport demo`: a real model carried into another language, over HTTP."""
