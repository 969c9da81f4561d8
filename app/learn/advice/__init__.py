"""Advice on data and models: numbers with the sentence that says what they mean."""
