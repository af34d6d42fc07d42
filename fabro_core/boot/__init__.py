"""From settings to objects: reading them, building what they name, and the report of what is wrong with them."""
