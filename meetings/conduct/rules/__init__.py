"""Rules of a conference: pure functions from what is to what becomes; no clock, database or network in here."""
