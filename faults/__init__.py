"""What breaks while `pulumi up` runs, and whether a second one mends it: `make faults`."""
