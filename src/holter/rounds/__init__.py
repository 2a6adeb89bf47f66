"""The round: what both sides agree on and how one sum is made. Read ``pipeline`` first."""
