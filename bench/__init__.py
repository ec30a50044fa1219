"""What orders and pages cost, measured on one machine against the budgets: `make bench`."""
