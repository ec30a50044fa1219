"""What lists and pages show: read only, few questions, typed answers."""
