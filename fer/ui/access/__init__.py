"""Who may do what: login, roles, and a log of who did it."""
