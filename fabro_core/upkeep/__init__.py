"""What a serving process does beside requests: health, purging, uptime, noticing that it shall stop."""
