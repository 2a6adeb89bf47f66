"""Science, trust: who may take part. ``credential`` is a device's proof of enrolment."""
