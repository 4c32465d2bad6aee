"""What a treatment did: weighting, matching, doubly robust estimates, instruments, event studies, effect models."""
