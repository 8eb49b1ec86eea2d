"""What a district is: plain data, facts and rules. No input, no output, no framework."""
