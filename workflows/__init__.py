"""What happens next, who must decide, until when. No input or output, no wall clock, no randomness."""
