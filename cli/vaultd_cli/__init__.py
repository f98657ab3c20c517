"""Every word said to a person, and the composition root."""
