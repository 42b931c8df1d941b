"""What the doctor looks at: each check returns findings and changes nothing that lasts."""
