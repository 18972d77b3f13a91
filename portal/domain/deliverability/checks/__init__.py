"""The checks of DELIVERABILITY section 3, one a file: each a function of the subject and the answers."""
