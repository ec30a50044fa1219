"""How the house speaks to people: mail, SMS and the groups' robots."""
