"""A workflow that does nothing with what the model order uses of the engine, to hold the order's own work against."""
