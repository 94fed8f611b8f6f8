"""What HTTP is here: the application and its server, bodies, conditions, errors, accounts, the description."""
