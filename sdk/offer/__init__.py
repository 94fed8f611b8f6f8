"""Pure: does a requirement fit an offer, and with which operations. Refusals are values that explain themselves."""
