"""Science, compression: a flat vector and a smaller one, linear where a mask must sum."""
