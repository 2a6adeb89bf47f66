"""World, simulation: many virtual devices in one process. It protects nobody and says so."""
