"""How fast a served model answers, beside LitServe and MLServer with the same weights."""
