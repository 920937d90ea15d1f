"""Who and where: units, venues, people, accounts and the links of rooms."""
