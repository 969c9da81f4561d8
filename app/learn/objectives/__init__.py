"""What networks answer, one file each: one label, several labels, a tag for each word."""
