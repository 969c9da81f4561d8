"""What computes predictions: one runtime for each engine, behind one contract."""
