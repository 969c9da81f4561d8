"""What comes in and goes out: model files, tables of text, images."""
