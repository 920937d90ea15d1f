"""The logs for whoever watches: what was done in the house and in each meeting, by whom, and whether it is unbroken."""
