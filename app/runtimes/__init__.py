"""What computes answers: one runtime for each engine, behind one contract."""
