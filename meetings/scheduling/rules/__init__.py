"""What may be booked, decided by plain functions: words, clashes, secrecy, deadlines, the form."""
