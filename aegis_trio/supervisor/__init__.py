"""The nursery tree: who starts whom, who outlives whom, and how it all ends."""
