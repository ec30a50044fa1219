"""Whether anything is lost, done twice or left waiting when parts of the system die: `make faults`."""
