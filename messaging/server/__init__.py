"""A mail server and a group's robots to try the house with: takes everything, delivers nothing, shows it all."""
