"""Many traces: the ranks of a job, measured apart and laid side by side."""
